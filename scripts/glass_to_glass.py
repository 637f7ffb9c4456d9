"""Virtual glass to glass: the time from when a picture of ``test://`` is due to when its number stands on a page.

Runs ``livecam live test:// -o http://...`` and a headless Chromium on this machine, reads the number out of the page's
pixels at every picture that the browser draws, and prints one JSON object: milliseconds and frame intervals at p50, p95
and p99, what the page itself says, and the pacing that ``live`` reports. Times are from an idle machine or mean little.

    python scripts/glass_to_glass.py [--size 640x480] [--fps 30] [--seconds 20] [-- FLAGS OF LIVE]
"""

from __future__ import annotations

import argparse
import json
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from urllib.request import urlopen

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "web"))
from web_browser import Browser

# A second link tells the server's clock and when picture 0 was due; the page's own canvas is what is looked at.
SAMPLE = """(async () => {
    const { Link } = await import("/link.js");
    const dues = [];
    const link = new Link({ picture: message => dues.push(message.captured - message.index / FPS),
                            words: () => {}, state: () => {} });
    const canvas = document.querySelector("canvas");
    const small = new OffscreenCanvas(48, 32).getContext("2d", { willReadFrequently: true });
    const read = () => {  // the middles of the blocks, in two rows of twelve: see livecam/sources/synthetic.py
        small.drawImage(canvas, 0, 0, 48, 32);
        const pixels = small.getImageData(0, 0, 48, 32).data;
        let number = 0;
        for (const y of [1, 3])
            for (let x = 2; x < 48; x += 4) number = number * 2 + (pixels[4 * (48 * y + x)] > 127);
        return number;
    };
    const seen = new Map();
    const end = performance.now() + SECONDS * 1000;
    while (performance.now() < end) {
        await new Promise(requestAnimationFrame);
        const number = read();
        if (!seen.has(number)) seen.set(number, performance.now() / 1000);
    }
    const first = dues.toSorted((a, b) => a - b)[Math.floor(dues.length / 2)];
    return [...seen].slice(30).map(([number, at]) => 1000 * (at + link.offset - first - number / FPS));
})()"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", default="640x480")
    parser.add_argument("--fps", type=float, default=30.0)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("flags", nargs="*")
    given = parser.parse_args()
    with socket.create_server(("127.0.0.1", 0)) as free:
        page = f"http://127.0.0.1:{free.getsockname()[1]}"
    command = [sys.executable, "-m", "livecam", "live"]
    command += [f"test://?size={given.size}&fps={given.fps:g}", "-o", page, *given.flags]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as live,
    ):
        try:
            answers(page, live)
            with Browser(Path(folder)) as browser:
                browser.open(page, (1280, 800))
                browser.until("document.body.innerText.includes('%')")
                script = SAMPLE.replace("FPS", f"{given.fps}").replace("SECONDS", f"{given.seconds}")
                ages = np.array(browser.run(script))
            state = json.loads(urlopen(f"{page}/state").read())
        finally:
            live.terminate()
    quantiles = {f"p{q}": float(np.percentile(ages, q)) for q in (50, 95, 99)}
    print(  # noqa: T201
        json.dumps(
            {
                "pictures": len(ages),
                "ms": {name: round(ms, 1) for name, ms in quantiles.items()},
                "frame_intervals": {name: round(ms * given.fps / 1000, 2) for name, ms in quantiles.items()},
                "measures": state["measures"],
                "missed_deadlines": state["missed_deadlines"],
                "level_changes": state["level_changes"],
            },
            indent=2,
        )
    )


def answers(page: str, live: subprocess.Popen[bytes]) -> None:
    """Wait until the page is served."""
    deadline = time.monotonic() + 60
    while live.poll() is None and time.monotonic() < deadline:
        try:
            urlopen(f"{page}/state").close()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("livecam live does not answer; try its command by hand")


if __name__ == "__main__":
    main()
