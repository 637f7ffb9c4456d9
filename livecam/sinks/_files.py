"""A file that appears whole or not at all; of a live recording, one that appears when it can be played, and grows."""

from __future__ import annotations

import errno
import glob
import itertools
import os
import re
from contextlib import suppress
from pathlib import Path

from livecam.errors import SinkError
from livecam.sinks import SinkOptions

_numbers = itertools.count()


class OutFile:
    """Write to ``work``; ``commit`` makes it ``path``, ``discard`` removes it. Live, commit as soon as it can be
    played, and go on writing: ``discard`` leaves it then.

    Raises SinkError when ``path`` exists and is not forced, or its folder cannot be made or written.
    """

    def __init__(self, path: Path, options: SinkOptions) -> None:
        check_free(path, options)
        self.path = path
        self.force = options.force
        # Windows does not rename a file that is being written.
        self.work = path if options.live and os.name == "nt" else hidden(path)
        self.committed = False
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self.work.open("wb").close()
            if options.live:  # perhaps killed before its first picture: then nothing is left
                self.work.unlink()
        except OSError as exc:
            raise cannot_write(path, exc) from exc

    def commit(self) -> None:
        """Raises SinkError when another run has made ``path`` meanwhile, and it is not forced."""
        if self.committed or self.work == self.path:
            return
        self.committed = True
        if not self.force:
            try:
                os.link(self.work, self.path)  # unlike a move, this does not overwrite
                self.work.unlink()
                return
            except FileExistsError as exc:
                _forget(self.work)
                raise SinkError(f"{self.path}: was made by another run meanwhile; choose another name") from exc
            except OSError:
                pass  # a file system without hard links
        self.work.replace(self.path)

    def discard(self) -> None:
        if not self.committed:
            _forget(self.work)


def check_free(path: Path, options: SinkOptions) -> None:
    if path.is_dir():
        raise SinkError(f"{path}: is a folder; name a file in it")
    if path.exists() and not options.force:
        raise SinkError(f"{path}: exists already; add --force to overwrite it, or choose another name")


def write_whole(path: Path, data: bytes) -> None:
    """``path`` holds all of ``data``, or what it held before; its folder is made. Raises SinkError."""
    work = hidden(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        work.write_bytes(data)
        work.replace(path)
    except OSError as exc:
        _forget(work)
        raise cannot_write(path, exc) from exc


def write_new(path: Path, data: bytes) -> None:
    """``path`` holds all of ``data`` and is new; its folder is made. Raises FileExistsError, SinkError."""
    work = hidden(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        work.write_bytes(data)
    except OSError as exc:
        _forget(work)
        raise cannot_write(path, exc) from exc
    try:
        os.link(work, path)  # unlike a move, this does not overwrite
    except FileExistsError:
        raise
    except OSError:  # a file system without hard links
        _copy(data, path)
    finally:
        _forget(work)


def _copy(data: bytes, path: Path) -> None:
    try:
        with path.open("xb") as out:
            out.write(data)
    except FileExistsError:
        raise
    except OSError as exc:
        raise cannot_write(path, exc) from exc


def _forget(work: Path) -> None:
    with suppress(OSError):  # it was perhaps never made, or its folder is none
        work.unlink()


def hidden(path: Path) -> Path:
    """A name beside ``path`` that no other run has."""
    return path.with_name(f".{path.name}.{os.getpid()}-{next(_numbers)}.part")


def sweep(*paths: Path) -> None:
    """Remove what processes that were killed have left of ``paths``."""
    for path in paths:
        for work in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
            of = re.fullmatch(r"(\d{1,9})-\d+", work.name[len(path.name) + 2 : -len(".part")])
            if of and not _runs(int(of[1])):
                _forget(work)


def _runs(pid: int) -> bool:
    if os.name == "nt":  # where nothing is removed that is open
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # somebody else's
    return True


def cannot_write(path: Path, exc: BaseException) -> SinkError:
    return SinkError(
        f"{path}: cannot be written ({reason(exc)}); check the folder and the free space, or use another -o"
    )


def reason(exc: BaseException) -> str:
    """Why writing failed, in a few words, without a name or an address."""
    # PyAV appends a stale line of FFmpeg's log to str(exc): only its number and its text are to be trusted.
    number = getattr(exc, "errno", None)
    if isinstance(exc, OSError) and number and number in errno.errorcode:
        return os.strerror(number)
    return getattr(exc, "strerror", None) or str(exc)
