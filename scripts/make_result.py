"""The picture on README's first screen: one frame of each scene of the annotated sample clip, side by side.

livecam demo && python scripts/make_result.py
"""

from __future__ import annotations

import argparse
from pathlib import Path

import cv2
import numpy as np

from livecam._av import av

SCENES_S = (2.0, 5.5, 7.2)
WIDTH = 640


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("clip", nargs="?", type=Path, default=Path("recordings/sample.explained.mp4"))
    parser.add_argument("-o", "--output", type=Path, default=Path("recordings/result.png"))
    args = parser.parse_args()
    with av.open(str(args.clip)) as source:
        frames = [
            frame.to_ndarray(format="bgr24") for frame in source.decode(video=0) if round(frame.time, 3) in SCENES_S
        ]
    scale = WIDTH / frames[0].shape[1]
    row = np.hstack([cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for frame in frames])
    cv2.imwrite(str(args.output), row, [cv2.IMWRITE_PNG_COMPRESSION, 9])


if __name__ == "__main__":
    main()
