"""The judge of "plays everywhere" is a browser."""

from __future__ import annotations

import queue
import shutil
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote

import pytest
from sink_helpers import annotated, make_media, picture, run

from livecam.sinks import SinkOptions
from livecam.sinks.video import VideoSink

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--remote-debugging-port=0",
]  # fmt: skip
PAGE = """<!doctype html><script>
const video = document.createElement("video");
const say = words => fetch("/said/" + encodeURIComponent(words));
video.onerror = () => say("error " + video.error.code + " " + video.error.message);
video.onloadeddata = () => { video.currentTime = video.duration / 2; };
video.onseeked = () => say(`playable ${video.videoWidth}x${video.videoHeight} ${video.duration}`);
video.muted = true; video.preload = "auto"; video.src = "NAME";
</script>"""


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder; what the page says goes to the server's queue."""

    def do_GET(self) -> None:
        if not self.path.startswith("/said/"):
            super().do_GET()
            return
        self.send_response(204)
        self.end_headers()
        self.server.said.put(unquote(self.path.removeprefix("/said/")))  # type: ignore[attr-defined]

    def log_message(self, *words: object) -> None:
        """Tests are quiet."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path))) as server:
        server.said = queue.Queue()  # type: ignore[attr-defined]
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
@pytest.mark.parametrize(
    ("name", "codec", "live"),
    [("a.mp4", "h264", False), ("a.mp4", "h264", True), ("a.webm", "vp9", False), ("a.mp4", "av1", False)],
)
def test_chromium_plays_it(name: str, codec: str, live: bool, tmp_path: Path, server: ThreadingHTTPServer) -> None:
    media = make_media(tmp_path / "in.mp4")
    with VideoSink(tmp_path / name, SinkOptions(codec=codec, live=live), run(media=str(media))) as sink:
        for number in range(50):
            sink.write(annotated(number, image=picture(number, (119, 161))))
        sink.finish()
    (tmp_path / "page.html").write_text(PAGE.replace("NAME", name))
    address = f"http://127.0.0.1:{server.server_port}/page.html"
    command = [str(CHROMIUM), *FLAGS, f"--user-data-dir={tmp_path / 'profile'}", address]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as browser:
        try:
            said = server.said.get(timeout=60)  # type: ignore[attr-defined]
        finally:
            browser.terminate()
    word, size, seconds = said.split()
    assert (word, size) == ("playable", "162x120")
    assert abs(float(seconds) - 2.0) < 0.1
