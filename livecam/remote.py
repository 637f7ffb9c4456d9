"""Files at the addresses that fsspec knows: ``s3://bucket/clip.mp4``, ``gs://``, ``sftp://``, ``memory://``, ...

They are fetched and put whole. A file appears under its address when it is complete: an object store takes a put whole
or not at all; elsewhere it is put beside and moved. What comes and goes is tried again by the store's own library, with
a back-off. Errors are told without passwords.
"""

from __future__ import annotations

import glob
import io
import logging
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any

from livecam.addresses import scheme
from livecam.errors import (
    ConfigError,
    LivecamError,
    MissingExtra,
    SinkError,
    SourceError,
    SourceLost,
    SourceNotFound,
    first_line,
)
from livecam.masking import masked

OTHERS = {"", "file", "local", "http", "https", "data", "rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "srt", "tcp"}
"""Schemes that are opened in another way: paths, and what FFmpeg reads by itself."""
ATOMIC = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci", "tos"}
"""Of stores to which a put is whole or not at all."""
ROOM = 2  # times the size of an input must be free: its result is about as large
VERSIONS = ("ETag", "etag", "md5Hash", "content_md5", "checksum", "mtime", "LastModified", "last_modified", "updated",
            "modified", "modify", "created")  # fmt: skip
"""How file systems call what changes with the contents; the first that is there is taken."""

log = logging.getLogger("livecam")


def is_remote(spec: str) -> bool:
    """Is ``spec`` an address of a file that fsspec fetches and puts?

    >>> [is_remote(spec) for spec in ("s3://bucket/clip.mp4", "clip.mp4", "https://host/clip.mp4", "test://")]
    [True, False, False, False]
    """
    kind = scheme(spec)
    if kind in OTHERS:
        return False
    from fsspec import available_protocols

    return kind in available_protocols()


def matching(pattern: str) -> list[str]:
    """The addresses that match ``pattern``, sorted; itself when it is no pattern, or nothing matches.

    Names with control characters, and those that climb (``a/../b``), are left out with a warning.
    """
    if not glob.has_magic(pattern):
        return [pattern]
    with _reading(pattern):
        fs, path = _located(pattern)
        if fs.exists(path):  # a file that is really called so
            return [pattern]
        names = sorted(str(name) for name in fs.glob(path))
    found = []
    for name in names:
        if not name.isprintable() or ".." in name.split("/"):
            log.warning("%s: %a is left out: no name for a file", masked(pattern), name)
            continue
        before = pattern.removesuffix(path)
        found.append(before + name if before != pattern else fs.unstrip_protocol(name))
    return found or [pattern]


def name_of(url: str) -> str:
    """The last part of the path, in which nothing leads elsewhere.

    >>> name_of("s3://bucket/in/clip.mp4"), name_of("s3://bucket/..")
    ('clip.mp4', '_')
    """
    name = PurePosixPath(url).name
    return name if name not in ("", ".", "..") and name.isprintable() and "\\" not in name else "_"


def beside(url: str, name: str) -> str:
    """The address of ``name`` in the folder of ``url``.

    >>> beside("s3://bucket/out/clip.mp4", "clip.mp4.jsonl")
    's3://bucket/out/clip.mp4.jsonl'
    """
    return f"{url.rpartition('/')[0]}/{name}"


def identity(url: str) -> list[Any]:
    """The same for the same contents, as far as the store says it: the size, and its version. Raises SourceNotFound,
    SourceError."""
    with _reading(url):
        fs, path = _located(url)
        info = fs.info(path)
    if info.get("type") == "directory":
        raise SourceNotFound(f"{masked(url)}: is a folder; name a file in it, or a pattern such as *.mp4")
    return [info.get("size"), next((str(info[name]) for name in VERSIONS if info.get(name)), "")]


def fetch(url: str, path: Path, stop: Callable[[], bool]) -> bool:
    """``path`` becomes the file at ``url``; False when ``stop()`` came first.

    Raises SourceNotFound and SourceError when it cannot be opened, SourceLost when it breaks off, SinkError when there
    is no room for it.
    """
    from fsspec.callbacks import Callback

    size = identity(url)[0] or 0
    free = shutil.disk_usage(path.parent).free
    if size * ROOM > free:
        raise SinkError(
            f"{path.parent}: {masked(url)} and its result need {size * ROOM / 1e9:.1f} GB, and {free / 1e9:.1f} GB are "
            "free; set TMPDIR to a larger disk"
        )

    class Watch(Callback):  # type: ignore[misc]  # fsspec has no types
        def call(self, *_: Any, **__: Any) -> None:
            if stop():
                raise _Stopped

    with _reading(url, begun=True):
        fs, source = _located(url)
        try:
            fs.get_file(source, str(path), callback=Watch())
        except _Stopped:
            return False
        except OSError as error:
            if error.filename == str(path) or error.errno in _FULL:
                raise SinkError(f"{path.parent}: cannot be written ({first_line(error)}); set TMPDIR") from error
            raise
        if size and path.stat().st_size != size:
            raise SourceLost(f"{masked(url)}: broke off after {path.stat().st_size} of {size} bytes; try again")
    return True


class _Stopped(Exception):
    pass


_FULL = {28, 122, 30}  # ENOSPC, EDQUOT, EROFS


def put(path: Path, url: str, *, force: bool) -> None:
    """The file at ``url`` becomes ``path``, whole or not at all. Raises SinkError, also when it is there and not
    forced."""
    with _writing(url):
        fs, target = _located(url)
        if scheme(url) in ATOMIC:
            once = {"mode": "create"} if not force and scheme(url) in ("s3", "s3a") else {}
            _free(fs, target, force)
            fs.put_file(str(path), target, **once)
            return
        folder, _, name = target.rpartition("/")
        work = f"{folder}/.{name}.{uuid.uuid4().hex[:12]}.part"
        try:
            if folder:
                fs.makedirs(folder, exist_ok=True)
            fs.put_file(str(path), work)
            _free(fs, target, force)
            fs.mv(work, target)
        except BaseException:
            with suppress(Exception):
                fs.rm_file(work)
            raise


def _free(fs: Any, path: str, force: bool) -> None:
    if not force and fs.exists(path):
        raise FileExistsError(path)


def exists(url: str) -> bool:
    """Raises SinkError when nobody can say: no such bucket, no right to look."""
    with _writing(url):
        fs, path = _located(url)
        return bool(fs.exists(path))


def read(url: str) -> bytes | None:
    """Of a small file; None when there is none. Raises SinkError."""
    with _writing(url):
        fs, path = _located(url)
        try:
            return bytes(fs.cat_file(path))
        except FileNotFoundError:
            return None


def write(url: str, data: bytes) -> None:
    """A small file. Raises SinkError."""
    with _writing(url):
        fs, path = _located(url)
        if scheme(url) not in ATOMIC and "/" in path:
            fs.makedirs(path.rpartition("/")[0], exist_ok=True)
        fs.pipe_file(path, data)


def remove(folder: str) -> None:
    """What is in ``folder``, and the folder; nothing happens when it is not there. Raises SinkError."""
    with _writing(folder):
        fs, path = _located(folder)
        with suppress(FileNotFoundError):
            fs.rm(path, recursive=True)


def drop(url: str) -> None:
    """Remove a file, if it is there and that can be done."""
    with suppress(Exception):
        fs, path = _located(url)
        fs.rm_file(path)


@contextmanager
def opened(url: str) -> Iterator[io.BufferedIOBase]:
    """For reading parts of it. Raises SourceError."""
    with _reading(url):
        fs, path = _located(url)
        with fs.open(path, "rb") as file:
            yield file


def _located(url: str) -> tuple[Any, str]:
    """The file system, and the path in it."""
    from fsspec.core import url_to_fs

    try:
        fs, path = url_to_fs(url, use_listings_cache=False)  # what others have made meanwhile counts
    except ImportError as error:
        named = "pip install 'livecam[remote]'" if scheme(url) in ("s3", "s3a") else first_line(error)
        raise MissingExtra(f"{scheme(url)}:// needs a package that is not installed: {named}") from error
    except ValueError as error:
        raise ConfigError(f"{masked(url)}: is no address ({masked(first_line(error))})") from error
    return fs, path


DENIED = "access is denied; check the credentials (s3: AWS_PROFILE, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY)"


@contextmanager
def _reading(url: str, *, begun: bool = False) -> Iterator[None]:
    """Errors of a store, whatever they are called there, as those of a source."""
    name = masked(url)
    try:
        yield
    except (LivecamError, _Stopped):
        raise
    except FileNotFoundError as error:
        raise SourceNotFound(f"{name}: no such file, or no such bucket; check the address") from error
    except Exception as error:
        if _is_denied(error):
            raise SourceError(f"{name}: {DENIED}") from error
        if begun:
            raise SourceLost(f"{name}: broke off ({_said(error)}); try again") from error
        raise SourceError(f"{name}: cannot be opened ({_said(error)}); check the address and the network") from error


@contextmanager
def _writing(url: str) -> Iterator[None]:
    name = masked(url)
    try:
        yield
    except LivecamError:
        raise
    except FileExistsError as error:
        raise SinkError(f"{name}: exists already; add --force to overwrite it, or choose another name") from error
    except FileNotFoundError as error:
        raise SinkError(f"{name}: cannot be written: no such bucket or folder; make it, or use another -o") from error
    except Exception as error:
        if _is_denied(error):
            raise SinkError(f"{name}: {DENIED}") from error
        raise SinkError(f"{name}: cannot be written ({_said(error)}); check the address and the network") from error


def _is_denied(error: Exception) -> bool:
    """Libraries name them differently: NoCredentialsError, DefaultCredentialsError, PermissionError ..."""
    return isinstance(error, PermissionError) or "Credential" in type(error).__name__


def _said(error: Exception) -> str:
    return masked(re.sub(r"\s+", " ", first_line(error)))
