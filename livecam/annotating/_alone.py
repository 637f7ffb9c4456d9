"""One run at a time makes a file: it holds a lock beside it, which ends with its process, however that ends."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from livecam.errors import SinkError
from livecam.sinks._files import cannot_write

PATIENCE_S = 3.0  # for a process that was killed just now
WAKE_S = 0.1

if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def alone(output: Path) -> Iterator[None]:
    """No other run makes ``output`` meanwhile. Raises SinkError when one does, or nothing can be written there."""
    path = output.with_name(f".{output.name}.lock")
    until = time.monotonic() + PATIENCE_S
    while (file := _taken(output, path)) is None:
        if time.monotonic() > until:
            raise SinkError(f"{output}: another run is making it; wait for that one, or choose another name")
        time.sleep(WAKE_S)
    with file:
        try:
            yield
        finally:
            if sys.platform != "win32":
                path.unlink(missing_ok=True)
    if sys.platform == "win32":  # where nothing is removed that is open
        with suppress(OSError):
            path.unlink()


def _taken(output: Path, path: Path) -> IO[bytes] | None:
    """The lock; None: another process has it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    except OSError as exc:
        raise cannot_write(output, exc) from exc
    try:
        _lock(file)
        mine = os.fstat(file.fileno()).st_ino == path.stat().st_ino
    except (BlockingIOError, PermissionError, FileNotFoundError):  # the last: who had it has just removed it
        mine = False
    except OSError:
        return file  # a file system without locks
    if mine:
        return file
    file.close()
    return None
