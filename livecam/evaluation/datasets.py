"""Pictures with what is known of them: boxes, masks, or masks of every frame. Three layouts, found by themselves."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from livecam.errors import ConfigError, SourceError, SourceNotFound
from livecam.sources.images import image_paths, natural_key, read_image
from livecam.types import Image

Box = tuple[float, float, float, float]
"""(x0, y0, x1, y1) as fractions of the picture."""
Mask = NDArray[np.bool_]
Kind = Literal["boxes", "masks", "videos"]

LAYOUTS = (
    "a JSON list of {file, class, boxes} (boxes: x0, y0, x1, y1 as fractions), a folder with images/NAME.jpg and "
    "masks/NAME.png, or a folder with frames/VIDEO/NAME.jpg and masks/VIDEO/NAME.png"
)


@dataclass(frozen=True, slots=True)
class Item:
    """A picture. key: its name in the data set. video: whose frame it is, "" for a picture by itself. class_idx: its
    label, None where there is none. boxes, mask: where its object is, the one or the other."""

    key: str
    file: Path
    video: str = ""
    class_idx: int | None = None
    boxes: tuple[Box, ...] = ()
    mask: Path | None = None

    def picture(self) -> Image:
        """(H, W, 3) uint8 RGB. Raises SourceError."""
        image = read_image(self.file)
        if image is None:
            raise SourceError(f"{self.file}: cannot be read as an image; repair it, or take it out of the data set")
        return image

    def truth(self, size: tuple[int, int]) -> Mask:
        """The mask, (H, W), of a picture of ``size``. Raises SourceError."""
        assert self.mask is not None
        mask = cv2.imread(str(self.mask), cv2.IMREAD_GRAYSCALE)
        if mask is None or mask.shape != size:
            what = "cannot be read as an image" if mask is None else f"is {mask.shape[1]}×{mask.shape[0]}"
            raise SourceError(f"{self.mask}: {what}; give a mask of the size of {self.file.name}, {size[1]}×{size[0]}")
        return np.asarray(mask > 0)


@dataclass(frozen=True, slots=True)
class Dataset:
    """path: as it was given. items: in the order in which they are measured."""

    path: Path
    kind: Kind
    items: tuple[Item, ...]

    def videos(self) -> dict[str, tuple[Item, ...]]:
        """Name of a video → its frames."""
        found: dict[str, list[Item]] = {}
        for item in self.items:
            if item.video:
                found.setdefault(item.video, []).append(item)
        return {name: tuple(items) for name, items in found.items()}

    def part(self, *, every: int = 1, limit: int | None = None, box_below: float | None = None) -> Dataset:
        """What is measured of it. every: of the frames of each video, the first and each so-many-th after it. limit: so
        many pictures, or frames of each video. box_below: pictures with one box, of less than this share of them.

        Raises ConfigError where nothing is left.
        """
        items: Sequence[Item] = self.items
        if box_below is not None:
            items = [item for item in items if len(item.boxes) == 1 and _area(item.boxes[0]) < box_below]
        if self.kind == "videos":
            items = [item for frames in self.videos().values() for item in frames[::every][:limit]]
        else:
            items = items[:limit]
        if not items:
            raise ConfigError(f"{self.path}: no picture is left to measure; see --box-below")
        return replace(self, items=tuple(items))


def open_dataset(path: str | Path) -> Dataset:
    """The data set at ``path``: in one of three layouts, a file or a folder. Of a folder with several .json files, the
    one that is a list of pictures.

    Raises SourceNotFound where there is none, ConfigError where it is damaged or incomplete, or where there are two.
    """
    path = Path(path)
    if path.is_file():
        return Dataset(path, "boxes", _listed(path))
    if (path / "masks").is_dir():
        for folder, kind in (("frames", _of_videos), ("images", _of_images)):
            if (path / folder).is_dir():
                return kind(path)
    found = sorted(path.glob("*.json")) if path.is_dir() else []
    lists = [one for one in found if _is_list(one)] if len(found) > 1 else found
    if len(lists) == 1:
        return Dataset(path, "boxes", _listed(lists[0]))
    if lists:
        raise ConfigError(f"{path}: {_names(lists)} are lists of pictures; name one of them")
    what = "not a data set" if path.exists() else "no such file or folder"
    if found:
        what += f", and none of {_names(found)} is a list of pictures"
    raise SourceNotFound(f"{path}: {what}; give {LAYOUTS}")


def _of_images(path: Path) -> Dataset:
    items = [_masked(file, path / "masks", file.name) for file in image_paths(str(path / "images"))]
    return Dataset(path, "masks", tuple(items))


def _of_videos(path: Path) -> Dataset:
    videos = sorted((one for one in (path / "frames").iterdir() if one.is_dir()), key=natural_key)
    if not videos:
        raise SourceNotFound(f"{path / 'frames'}: no folder of frames there; give {LAYOUTS}")
    items = [
        replace(_masked(file, path / "masks" / video.name, f"{video.name}/{file.name}"), video=video.name)
        for video in videos
        for file in image_paths(str(video))
    ]
    return Dataset(path, "videos", tuple(items))


def _masked(file: Path, masks: Path, key: str) -> Item:
    mask = masks / f"{file.stem}.png"
    if not mask.is_file():
        raise ConfigError(f"{mask}: no such file; every picture needs a mask of its name, this is that of {file}")
    return Item(key, file, mask=mask)


def _is_list(path: Path) -> bool:
    """Does it begin like a list of pictures?"""
    try:
        entries = json.loads(path.read_text("utf-8"))
        return bool({"file", "boxes"} <= entries[0].keys())
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False


def _names(paths: list[Path]) -> str:
    return ", ".join(path.name for path in paths)


def _listed(path: Path) -> tuple[Item, ...]:
    try:
        entries = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: no JSON ({error}); give {LAYOUTS}") from error
    if not isinstance(entries, list) or not entries:
        raise ConfigError(f"{path}: not a list of pictures; give {LAYOUTS}")
    items = tuple(_entry(path, number, entry) for number, entry in enumerate(entries))
    twice = [key for key, count in Counter(item.key for item in items).items() if count > 1]
    if twice:
        raise ConfigError(f"{path}: {twice[0]} is listed twice; leave one")
    return items


def _entry(path: Path, number: int, entry: Any) -> Item:
    try:
        key, label = entry["file"], entry.get("class")
        boxes = tuple(_box(box) for box in entry["boxes"])
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: entry {number} is not {{file, class, boxes}}: {error!r}; give {LAYOUTS}") from error
    if not isinstance(key, str) or not (label is None or isinstance(label, int)) or not boxes:
        raise ConfigError(f"{path}: entry {number}: file is a path, class a number, boxes a list of at least one box")
    files = (path.parent / key, path.parent / "images" / key)
    file = next((one for one in files if one.is_file()), None)
    if file is None:
        raise SourceNotFound(f"{files[0]}: no such file, which {path} lists; paths are relative to the list")
    return Item(key, file, class_idx=label, boxes=boxes)


def _box(values: Any) -> Box:
    x0, y0, x1, y1 = (float(value) for value in values)
    if not (0 <= x0 < x1 <= 1 and 0 <= y0 < y1 <= 1):
        raise ValueError(f"{values} is no box of fractions x0, y0, x1, y1")
    return x0, y0, x1, y1


def _area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])
