"""A recording in parts: ``out-00001.mp4``, ``out-00002.mp4``, …, each complete, with a limit of what is kept."""

from __future__ import annotations

import logging
import shutil
import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from livecam.errors import ConfigError, SinkError
from livecam.sinks import SINKS, BaseSink, Sink, SinkOptions
from livecam.sinks._files import cannot_write
from livecam.sinks.sidecar import SidecarSink
from livecam.sinks.video import VideoSink
from livecam.types import AnnotatedFrame, RunInfo

SHARE = 4  # a segment ends, at the latest, with this part of the quota: so most of what is allowed is always kept
MOST_DIGITS = 12  # of a segment's number
LOOK_S = 1.0  # between two looks at the free space

log = logging.getLogger("livecam")


@dataclass(slots=True)
class _Segment:
    """A finished segment and its bytes."""

    path: Path
    size: int


class Shelf:
    """The segments of one recording, oldest first, also those of earlier runs, and only those.

    Which files are ours is written in ``.NAME.segments`` before each of them is made; whatever else is in the folder,
    also under a name like a segment's, is never deleted.

    pattern: the recording's name, ``out.mp4`` for ``out-00001.mp4``. quota: bytes that all of them may have, None: no
    limit. keep_free: bytes that stay free on the disk. free: bytes that are free there.
    """

    def __init__(
        self, pattern: Path, quota: int | None = None, keep_free: int = 0, free: Callable[[Path], int] | None = None
    ) -> None:
        self._pattern, self._quota, self._keep_free = pattern, quota, keep_free
        self._free = free or (lambda folder: shutil.disk_usage(folder).free)
        self._list = pattern.with_name(f".{pattern.name}.segments")
        self._segments = [_Segment(path, _size(path)) for path in self._known()]
        self._sum = sum(segment.size for segment in self._segments)

    def next(self) -> Path:
        """The path of the next segment: a number higher than that of all there have been. Raises SinkError."""
        number = max(map(self._number, self._names()), default=0)
        while True:
            number += 1
            path = self._pattern.with_name(f"{self._pattern.stem}-{number:05d}{self._pattern.suffix}")
            if not (path.exists() or sidecar_of(path).exists()):
                break
        try:
            self._pattern.parent.mkdir(parents=True, exist_ok=True)
            with self._list.open("a", encoding="utf-8", newline="\n") as names:
                names.write(f"{path.name}\n")
        except OSError as exc:
            raise cannot_write(path, exc) from exc
        return path

    def put(self, path: Path) -> None:
        """A segment is finished."""
        self._segments.append(_Segment(path, _size(path)))
        self._sum += self._segments[-1].size

    def limit(self, growing: int) -> None:
        """Delete the oldest until there is room for the quota, beside a segment that has ``growing`` bytes so far."""
        while self._segments and self._quota is not None and self._sum + growing > self._quota:
            self._delete_oldest()

    def make_room(self) -> None:
        """Delete the oldest until enough of the disk is free. Raises SinkError when that is not to be had."""
        if not self._keep_free:
            return
        try:
            while self._free(self._pattern.parent) < self._keep_free:
                if not self._segments:
                    raise SinkError(
                        f"{self._pattern}: less than {self._keep_free / 1e9:g} GB are free; make room on the disk, "
                        "or allow less with --keep-free"
                    )
                self._delete_oldest()
        except SinkError:
            raise
        except OSError as exc:
            raise cannot_write(self._pattern, exc) from exc

    def _delete_oldest(self) -> None:
        segment = self._segments.pop(0)
        self._sum -= segment.size
        for path in (segment.path, sidecar_of(segment.path)):
            try:
                path.unlink(missing_ok=True)
            except OSError as exc:
                log.warning("%s: cannot be deleted (%s); it is kept", path, exc.strerror)
        self._forget(segment.path.name)

    def _forget(self, name: str) -> None:
        """The highest number stays in the list: it is not given twice."""
        names = self._names()
        left = [other for other in names if other != name or other == names[-1]]
        try:
            self._list.write_text("".join(f"{other}\n" for other in left), "utf-8", newline="\n")
        except OSError as exc:
            log.warning("%s: cannot be written (%s)", self._list, exc.strerror)

    def _known(self) -> list[Path]:
        """Segments of earlier runs that are still there."""
        paths = (self._pattern.with_name(name) for name in sorted(self._names(), key=self._number))
        return [path for path in paths if path.is_file() or sidecar_of(path).is_file()]

    def _names(self) -> list[str]:
        """In the order in which they were made. A line that is no name of a segment, as a damaged list may have, is
        none of ours."""
        try:
            lines = self._list.read_text("utf-8", "replace").splitlines()
        except FileNotFoundError:
            return []
        except OSError as exc:
            raise cannot_write(self._list, exc) from exc
        return [line for line in lines if self._number(line)]

    def _number(self, name: str) -> int:
        """Of the segment of that name; 0: it is not one."""
        stem, suffix = f"{self._pattern.stem}-", self._pattern.suffix
        digits = name.removeprefix(stem).removesuffix(suffix)
        if not (digits.isascii() and digits.isdecimal() and len(digits) <= MOST_DIGITS):
            return 0
        return int(digits) if name == f"{stem}{int(digits):05d}{suffix}" else 0


class SegmentsSink(BaseSink):
    """Records live pictures into ``NAME-00001.mp4``, ``NAME-00002.mp4``, …, each with its sidecar
    ``NAME-00001.mp4.jsonl`` of just the pictures in it.

    A segment begins with the first picture that was captured ``options.segment_s`` seconds or more after the first one
    of the segment before, with a picture of another size, and when a fourth of the quota is full. It begins with a key
    picture at its second 0, and can be played alone. Together they are at most ``options.quota`` bytes, and
    ``options.keep_free`` bytes of the disk stay free: the oldest are deleted, also those of earlier runs.

    path: ``NAME.mp4``, or another kind of video. Raises ConfigError, SinkError.
    """

    def __init__(self, path: Path, options: SinkOptions, run: RunInfo) -> None:
        assert options.segment_s is not None
        if not options.live:
            raise ConfigError(f"{path}: segments are of a live recording; annotate writes one file for each")
        self._options = replace(options, force=False)
        self._length, self._run = options.segment_s, run
        self._shelf = Shelf(path, options.quota, options.keep_free)
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._sinks: tuple[Sink, ...] = ()
        self._began = self._looked = 0.0
        self._shape: tuple[int, ...] = ()
        self._begin()

    def write(self, annotated: AnnotatedFrame) -> bool:
        with self._lock:
            self.check_open()
            at, shape = annotated.frame.captured_at, annotated.picture.shape[:2]
            try:
                if not self._shape:
                    self._began, self._shape = at, shape
                elif at - self._began >= self._length or shape != self._shape or self._is_full():
                    self._end()
                    self._begin()
                    self._began, self._shape = at, shape
                if at - self._looked >= LOOK_S:
                    self._looked = at
                    self._shelf.make_room()
                for sink in self._sinks:
                    sink.write(annotated)
            except SinkError:
                self.closed = True
                self._close(abort=True)
                raise
            self._shelf.limit(self._growing())
        return True

    def close(self) -> None:
        with self._lock:
            if not self.closed:
                self.closed = True
                self._end()

    def _begin(self) -> None:
        self._path = path = self._shelf.next()
        with ExitStack() as stack:
            video = stack.enter_context(VideoSink(path, self._options, self._run))
            sidecar = stack.enter_context(SidecarSink(sidecar_of(path), self._run, self._options))
            stack.pop_all()
        self._sinks = video, sidecar

    def _end(self) -> None:
        path = self._path
        assert path is not None
        self._close(abort=False)
        if self._shape:
            self._shelf.put(path)
        else:
            sidecar_of(path).unlink(missing_ok=True)  # of no picture at all

    def _close(self, *, abort: bool) -> None:
        with ExitStack() as stack:
            for sink in self._sinks:
                stack.callback(sink.abort if abort else sink.close)
            self._sinks = ()

    def _is_full(self) -> bool:
        return self._options.quota is not None and self._growing() >= self._options.quota / SHARE

    def _growing(self) -> int:
        return _size(self._path) if self._path else 0


class VideoKind:
    """Videos: one file or, if ``segment_s`` is set, one after the other."""

    @staticmethod
    def matches(spec: str) -> bool:
        return VideoSink.matches(spec)

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> Sink:
        if options.segment_s is None:
            return VideoSink(Path(spec), options, run)
        if run is None:
            raise ConfigError(f"{spec}: segments have sidecars, which say who explained what: they need the RunInfo")
        return SegmentsSink(Path(spec), options, run)


def sidecar_of(path: Path) -> Path:
    return Path(f"{path}.jsonl")


def _size(path: Path) -> int:
    """Bytes of a segment and its sidecar."""
    total = 0
    for one in (path, sidecar_of(path)):
        try:
            total += one.stat().st_size
        except FileNotFoundError:
            continue
    return total


SINKS.add("video", VideoKind())
