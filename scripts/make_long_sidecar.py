"""A sidecar of an hour at 30 frames a second, made up: python scripts/make_long_sidecar.py OUT.jsonl [SOURCE]

For measuring `livecam report`. SOURCE: a recording whose pictures the page is to show.
"""

import base64
import json
import sys
from pathlib import Path

import numpy as np

FRAMES, RATE, SIZE = 108_000, 30, (7, 12)
CLASSES = [f"class number {number}" for number in range(40)]


def main() -> None:
    rng = np.random.default_rng(0)
    yy, xx = np.mgrid[: SIZE[0], : SIZE[1]]
    source = sys.argv[2] if len(sys.argv) > 2 else "an hour.mp4"
    header = {"type": "header", "version": 1, "source": source, "model": "net", "method": "gradcam"}
    header |= {"target_layer": "last", "width": 1280, "height": 720, "time_base": "1/30", "labels": len(CLASSES)}
    with Path(sys.argv[1]).open("w", encoding="utf-8") as out:
        out.write(json.dumps(header) + "\n")
        scene = 0
        for index in range(FRAMES):
            scene = int(rng.integers(len(CLASSES))) if rng.random() < 0.003 else scene
            shown = scene if rng.random() > 0.02 else (scene + 1) % len(CLASSES)
            score = float(np.clip(rng.normal(0.6, 0.15), 0.05, 1))
            scores = [score, *((1 - score) * np.array([0.6, 0.2, 0.1, 0.05]))]
            best = sorted(enumerate(scores), key=lambda one: -one[1])
            y, x = 3 + 2 * np.sin(index / 90), 6 + 4 * np.cos(index / 130)
            cam = np.exp(-((yy - y) ** 2 + (xx - x) ** 2) / 6 + 0.05 * rng.standard_normal(SIZE))
            data = np.clip(cam * 255, 0, 255).astype(np.uint8).tobytes()
            frame = {"type": "frame", "index": index, "pts": index / RATE, "class_idx": shown, "label": CLASSES[shown]}
            frame["top"] = [
                {"class_idx": one, "label": CLASSES[one], "score": round(float(value), 6)}
                for one, value in (((shown + step) % len(CLASSES), value) for step, value in best)
            ]
            frame |= {"peak": 12.5, "cam": {"h": SIZE[0], "w": SIZE[1], "data": base64.b64encode(data).decode()}}
            out.write(json.dumps(frame | {"lag": 0, "level": 0}) + "\n")
        out.write(json.dumps({"type": "end", "frames": FRAMES, "decode_errors": 0}) + "\n")


if __name__ == "__main__":
    main()
