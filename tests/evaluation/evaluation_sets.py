"""Small data sets, made of noise and a bright square."""

import json

import cv2
import numpy as np

SIZE = (48, 64)


def picture(seed):
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 160, (*SIZE, 3), np.uint8)
    y, x = rng.integers(4, 20, 2)
    mask = np.zeros(SIZE, np.uint8)
    mask[y : y + 20, x : x + 24] = 255
    image[mask > 0] |= 96
    return image, mask


def write(path, image):
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), image)


def with_boxes(folder, count=3):
    entries = []
    for number in range(count):
        image, mask = picture(number)
        write(folder / "images" / f"{number}.png", image)
        y, x = np.nonzero(mask)
        box = [x.min() / SIZE[1], y.min() / SIZE[0], (x.max() + 1) / SIZE[1], (y.max() + 1) / SIZE[0]]
        entries.append({"file": f"images/{number}.png", "class": 10 * number, "boxes": [[float(v) for v in box]]})
    (folder / "list.json").write_text(json.dumps(entries))
    return folder / "list.json"


def with_masks(folder, count=3):
    for number in range(count):
        image, mask = picture(number)
        write(folder / "images" / f"{number}.png", image)
        write(folder / "masks" / f"{number}.png", mask)
    return folder


def of_videos(folder, videos=("a", "b"), frames=6):
    for start, video in enumerate(videos):
        image, mask = picture(start)
        for number in range(frames):
            for kind, one in (("frames", image), ("masks", mask)):
                write(folder / kind / video / f"{number:05d}.png", np.roll(one, 2 * number, 1))
    return folder
