"""Which input becomes which file."""

from __future__ import annotations

import glob
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from livecam.addresses import scheme
from livecam.errors import ConfigError
from livecam.masking import HIDDEN, masked
from livecam.remote import is_remote, matching

FOLDER = Path("recordings")


def plan(specs: list[str], output: str | None, suffix: str) -> list[tuple[str, Path]]:
    """(input, output) of each job. output: a file for one input, a folder for several; None: ``recordings``.

    Raises ConfigError when several inputs are to become one file, or a file is to overwrite its own input, or
    ``output`` is an address.
    """
    if output is not None and scheme(output):
        raise ConfigError(f"-o {masked(output)}: name a file or a folder; livecam live shows and pushes to addresses")
    jobs = list(_jobs(specs, output, suffix))
    for spec, target in jobs:
        if "://" not in spec and _same(Path(spec), target):
            raise ConfigError(f"-o {target}: is the input itself; choose another name")
    return jobs


def plan_anywhere(specs: list[str], output: str | None, suffix: str) -> list[tuple[str, str]]:
    """As ``plan``; ``output`` may also be an address of fsspec: of a file, or with ``/`` at its end of a folder."""
    if output is None or not is_remote(output):
        return [(spec, str(target)) for spec, target in plan(specs, output, suffix)]
    if len(specs) == 1 and not output.endswith("/"):
        jobs = [(specs[0], output)]
    elif PurePosixPath(output).suffix and not output.endswith("/"):
        raise ConfigError(
            f"-o {masked(output)}: {len(specs)} inputs cannot become one file; name a folder, as in -o s3://bucket/out/"
        )
    else:
        jobs = [(spec, f"{output.rstrip('/')}/{target.name}") for spec, target in _jobs(specs, None, suffix)]
    for spec, target in jobs:
        if spec == target:
            raise ConfigError(f"-o {masked(output)}: is the input itself; choose another name")
    return jobs


def _jobs(specs: list[str], output: str | None, suffix: str) -> Iterable[tuple[str, Path]]:
    one_file = output is not None and not output.endswith("/") and not Path(output).is_dir()
    if one_file and output is not None and len(specs) == 1:
        yield specs[0], Path(output)
        return
    if one_file and output is not None and Path(output).suffix:
        raise ConfigError(f"-o {output}: {len(specs)} inputs cannot become one file; name a folder, as in -o out/")
    folder = FOLDER if output is None else Path(output)
    taken: set[Path] = set()
    for spec in specs:
        stem, number = stem_of(spec), 2
        target = folder / f"{stem}{suffix}"
        while target in taken:  # inputs of one name from several folders
            target = folder / f"{stem}-{number}{suffix}"
            number += 1
        taken.add(target)
        yield spec, target


def _same(source: Path, target: Path) -> bool:
    if "%" in target.name:  # a sequence of images, into the folder that a sequence comes from
        folder = source if source.is_dir() else source.parent
        return folder.resolve() == target.parent.resolve()
    return target.exists() and source.exists() and source.samefile(target)


def expand(spec: str) -> list[str]:
    """A pattern of recordings is as many inputs; a pattern of images is one sequence."""
    from livecam.sources._names import IMAGE_SUFFIXES, is_glob

    if is_remote(spec):
        return matching(spec)
    if not is_glob(spec):
        return [spec]
    found = sorted(glob.glob(spec, recursive=True))  # noqa: PTH207  Path.glob takes no absolute pattern
    images = [path for path in found if Path(path).suffix.lower() in IMAGE_SUFFIXES]
    return [spec] if not found or len(images) == len(found) else found


def stem_of(spec: str) -> str:
    """A file name for what ``spec`` names, without its suffix.

    >>> [stem_of(s) for s in ("a/clip.mp4", "https://host/film.webm?x=1", "test://?fps=30", "s3://b/my clip.mp4")]
    ['clip', 'film', 'test', 'my_clip']
    """
    if is_remote(spec):
        return re.sub(r"[^\w.-]+", "_", PurePosixPath(masked(spec)).stem) or "remote"
    if "://" in spec:
        parts = urlsplit(masked(spec))
        return Path(parts.path).stem.replace(HIDDEN, "") or parts.hostname or parts.scheme
    path = Path(spec)
    plain = path.parent if glob.has_magic(path.name) else path
    return re.sub(r"[^\w.-]+", "_", plain.stem) or "images"
