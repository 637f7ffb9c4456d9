"""Video files and network streams, through FFmpeg (PyAV)."""

from __future__ import annotations

import errno
import os
import time
from fractions import Fraction
from pathlib import Path
from urllib.parse import unquote, urlsplit

import cv2
import numpy as np

from livecam._av import av
from livecam.addresses import scheme
from livecam.errors import SourceError, SourceLost, SourceNotFound
from livecam.masking import masked
from livecam.media import LOCAL, is_playlist
from livecam.sources import SOURCES, Source, SourceOptions
from livecam.sources._decoder import Decoder, NoPictures
from livecam.sources._guarded import GuardedSource
from livecam.sources._names import is_browser, is_camera, is_images
from livecam.sources._picture import Converter, orientation
from livecam.sources._recording import Recording, rate
from livecam.types import Frame, Picture, SourceInfo, rgb

LIVE_SCHEMES = frozenset({"rtsp", "rtsps", "rtmp", "rtmps", "udp", "rtp", "srt"})
SCHEMES = LIVE_SCHEMES | {"http", "https", "tcp", "file"}


class VideoSource(GuardedSource):
    """A recording, or a stream from the network.

    Files: every picture that can be decoded, the same ones in every run, with the ticks of the recording (see
    ``Timeline`` for those that it lacks). A picture whose size differs from the first one's is scaled to it.
    Raises SourceNotFound and SourceError when opened, SourceLost when a stream from the network breaks off.
    """

    def __init__(self, spec: str, options: SourceOptions) -> None:
        super().__init__()
        self._path = _local_path(spec)
        self._name = options.name or (masked(spec) if self._path is None else str(self._path))
        self._url = spec if self._path is None else f"{LOCAL}{self._path}"
        self._options = options
        self._convert = Converter()
        self._index = 0
        self._head: tuple[av.VideoFrame, int] | None = None
        self._recording = self._open()
        try:
            self._head = first = self._first()
            self._info = self._describe(first[0])
        except BaseException:
            self.close()
            raise

    @property
    def info(self) -> SourceInfo:
        return self._info

    @property
    def decode_errors(self) -> int:
        """Damaged packets or pictures skipped so far."""
        return self._errors + self._recording.errors

    def _next(self) -> Frame | None:
        while (decoded := self._picture()) is not None:
            frame, ticks = decoded
            try:
                picture = self._sized(self._convert.picture(frame))
            except av.FFmpegError:
                self._errors += 1
                continue
            self._index += 1
            return Frame(
                image=picture,
                index=self._index - 1,
                pts=float(ticks * self._info.time_base),
                captured_at=time.monotonic(),
                ticks=ticks,
                duration=frame.duration or 0,
            )
        return None

    def _picture(self) -> tuple[av.VideoFrame, int] | None:
        if self._head is not None:
            head, self._head = self._head, None
            return head
        try:
            return next(iter(self._recording), None)
        except av.FFmpegError as error:
            raise SourceLost(f"{self._name}: the stream broke off: {self._reason(error)}") from _unnamed(error)

    def _sized(self, picture: Picture) -> Picture:
        width, height = self._info.width, self._info.height
        if picture.shape[:2] == (height, width):
            return picture
        return np.asarray(cv2.resize(rgb(picture), (width, height), interpolation=cv2.INTER_AREA), np.uint8)

    def _release(self) -> None:
        self._recording.close()

    def _open(self) -> Recording:
        if self._path is not None:
            _check_file(self._path)
        try:
            return Recording(
                self._open_decoder,
                fast=self._path is not None,
                seekable=scheme(self._url) not in LIVE_SCHEMES,
                start_s=self._options.start_s,
                duration_s=self._options.duration_s,
            )
        except NoPictures as error:
            raise SourceError(f"{self._name}: {error}; a video is needed") from error
        except av.FFmpegError as error:
            kind = SourceNotFound if self._path is None else SourceError
            raise kind(f"{self._name}: cannot be opened: {self._reason(error)}") from _unnamed(error)

    def _open_decoder(self, careful: bool) -> Decoder:
        network = self._path is None
        transport = {"rtsp_transport": "tcp"} if scheme(self._url) in ("rtsp", "rtsps") else {}
        timeout_s = self._options.timeout_s if network else None
        return Decoder(self._url, transport, timeout_s, careful=careful, network=network)

    def _first(self) -> tuple[av.VideoFrame, int]:
        try:
            first = next(iter(self._recording), None)
        except av.FFmpegError as error:
            raise SourceNotFound(f"{self._name}: no picture came: {self._reason(error)}") from _unnamed(error)
        except NoPictures as error:
            raise SourceError(f"{self._name}: {error}; a video that anybody can play is needed") from error
        if first is not None:
            return first
        if self._options.start_s:
            raise SourceError(f"{self._name}: there is no picture from {self._options.start_s:g} s on; start earlier")
        raise SourceError(
            f"{self._name}: none of its pictures can be decoded; is the file damaged, or too large a picture?"
        )

    def _describe(self, frame: av.VideoFrame) -> SourceInfo:
        recording, stream = self._recording, self._recording.decoder.stream
        turned = orientation(frame).transpose
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        total_s, container_s = _claimed_duration(recording.decoder)
        part_s = self._part_of(total_s)
        return SourceInfo(
            name=self._name,
            width=frame.height if turned else frame.width,
            height=frame.width if turned else frame.height,
            fps=float(rate(stream) or 0),
            time_base=Fraction(stream.time_base or 1),
            frames=round(stream.frames * part_s / total_s) if total_s else stream.frames,
            duration_s=part_s,
            live=self._path is None and (scheme(self._url) in LIVE_SCHEMES or not container_s),
            media=self._media(),
            start_s=None if recording.start is None else float(recording.start),
            stop_s=None if recording.stop is None else float(recording.stop),
            pixel_aspect=1 / aspect if turned else aspect,
        )

    def _media(self) -> str | None:
        """What can be opened once more for its sound: a pipe cannot."""
        if self._path is None:
            return self._url
        return str(self._path) if self._path.is_file() else None

    def _part_of(self, total_s: float) -> float:
        rest = max(total_s - (self._options.start_s or 0.0), 0.0)
        return rest if self._options.duration_s is None else min(rest, self._options.duration_s)

    def _reason(self, error: av.FFmpegError) -> str:
        """In words, by type: FFmpeg's own text may belong to an earlier error."""
        for kind, words in _REASONS:
            if isinstance(error, kind):
                return words
        if isinstance(error, av.ExitError | TimeoutError):
            return f"no answer within {self._options.timeout_s:g} s"
        if error.errno is not None and error.errno in errno.errorcode:
            return os.strerror(error.errno).lower()
        return type(error).__name__


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (av.HTTPUnauthorizedError, "a user and a password are needed (user:password@host)"),
    (av.HTTPForbiddenError, "the server does not allow it (403)"),
    (av.HTTPNotFoundError, "the server has no such stream (404)"),
    (av.HTTPClientError, "the server refuses the request"),
    (av.HTTPError, "the server has an error of its own"),
    (av.ProtocolNotFoundError, "this FFmpeg cannot read such addresses"),
    (av.DecoderNotFoundError, "there is no decoder for its pictures"),
    (av.InvalidDataError, "it is no video, or damaged beyond reading"),
    (ConnectionRefusedError, "connection refused; is the server running?"),
    (FileNotFoundError, "no such file"),
)


class VideoKind:
    """Paths of videos (existing or not) and addresses: file, http(s), rtsp, rtmp, udp, tcp, srt."""

    def matches(self, spec: str) -> bool:
        if scheme(spec):
            return scheme(spec) in SCHEMES
        return bool(spec) and not (is_browser(spec) or is_camera(spec) or is_images(spec))

    def open(self, spec: str, options: SourceOptions) -> Source:
        return VideoSource(spec, options)


SOURCES.add("video", VideoKind())


def _unnamed(error: av.FFmpegError) -> av.FFmpegError:
    """``error`` without the address, which a traceback would show with its password."""
    error.args = error.args[:2]
    return error


def _local_path(spec: str) -> Path | None:
    if scheme(spec) == "file":
        return Path(unquote(urlsplit(spec).path))
    return None if scheme(spec) else Path(spec)


def _check_file(path: Path) -> None:
    try:
        if path.is_file():
            with path.open("rb") as file:
                beginning = file.read(64)
        else:
            beginning = b"?"  # of a pipe, which gives each byte once
            path.stat()
    except OSError as error:
        hint = "check the spelling" if isinstance(error, FileNotFoundError) else "check its permissions"
        raise SourceNotFound(f"{path}: {os.strerror(error.errno or 0).lower()}; {hint}") from error
    if not beginning:
        raise SourceError(f"{path}: the file is empty; copy or record it again")
    if is_playlist(beginning):
        raise SourceError(f"{path}: a list of other files or addresses, which is not followed; name those themselves")
    if path.is_dir():
        raise SourceError(f"{path}: a folder, not a video")


def _claimed_duration(decoder: Decoder) -> tuple[float, float]:
    """Seconds claimed by the stream, or else by the container, and by the container; 0.0 when unknown."""
    container_s = (decoder.container.duration or 0) / av.time_base
    stream = decoder.stream
    own = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
    return own or container_s, container_s
