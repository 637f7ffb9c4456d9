"""``rtmp://host/app/key`` and ``rtsp://host/path``, also ``rtmps``, ``rtsps``: live, to a media server."""

from __future__ import annotations

import contextlib
import json
import logging
import subprocess
import sys
import threading
from typing import Any
from urllib.parse import urlsplit

from livecam._av import av
from livecam.addresses import scheme
from livecam.clock import Clock, SystemClock, backed_off
from livecam.errors import ConfigError, SinkError
from livecam.masking import masked
from livecam.sinks import SINKS, BaseSink, SinkOptions
from livecam.sinks._codecs import Coding, choose
from livecam.sinks._encoding import Encoding
from livecam.sinks._files import reason
from livecam.sinks._push_worker import HEAD
from livecam.sinks._timeline import timeline
from livecam.types import AnnotatedFrame, Picture, RunInfo, SourceInfo

FLV = ("flv", {"flush_packets": "1", "flvflags": "no_duration_filesize"})
RTSP = ("rtsp", {"rtsp_transport": "tcp"})
MUXERS = {"rtmp": FLV, "rtmps": FLV, "rtsp": RTSP, "rtsps": RTSP}
H264 = ("h264", "nvenc")  # what every media server takes

STALL_S = 10.0  # a server that takes nothing for so long is lost
LEAVE_S = 3.0
FIRST_DELAY_S, LONGEST_DELAY_S = 1.0, 30.0
STEADY_S = 10.0  # a connection that lasted so long was a good one
NOBODY = "no connection"

WORKER = "import sys; sys.path[:] = sys.argv[1:]; from livecam.sinks._push_worker import main; main()"

log = logging.getLogger("livecam")


class PushSink(BaseSink):
    """Sends the pictures as H.264 at the times of their capture, without sound, with a key picture every second.

    The first connection must succeed: if it does not, a later ``write`` raises SinkError, at the latest ``close``. From
    then on a server that goes away, or takes nothing for ``stall_s`` seconds, is tried again after a second, then after
    twice as long, up to half a minute; each connection is a stream of its own that begins at 0. While there is none,
    pictures are dropped, and ``options.drop`` is told of each. ``write`` waits for a slow network, at most ``stall_s``,
    but never for a connection; ``close`` waits at most LEAVE_S longer.

    Raises ConfigError when the address or the codec makes no sense.
    """

    def __init__(
        self,
        spec: str,
        options: SinkOptions,
        run: RunInfo | None = None,
        *,
        stall_s: float = STALL_S,
        clock: Clock | None = None,
    ) -> None:
        self._name, self._url = masked(spec), _checked(spec)
        if not options.live:
            raise ConfigError(f"{self._name}: pictures are pushed as they come; use livecam live")
        if options.codec not in H264:
            raise ConfigError(f"--codec {options.codec}: {self._name} is sent H.264; use --codec {' or '.join(H264)}")
        self._coding = choose(".mp4", options)
        self._options, self._source = options, run.source if run else None
        self._stall_s, self._clock = stall_s, clock or SystemClock()
        self._lock = threading.Lock()
        self._stream: _Stream | None = None
        self._reached = False  # at any time
        self._opened_at: float | None = None  # by this stream
        self._lost_at: float | None = None
        self._retry_at = self._clock.now()
        self._failures = self._dropped = 0

    @staticmethod
    def matches(spec: str) -> bool:
        return scheme(spec) in MUXERS

    @staticmethod
    def open(spec: str, options: SinkOptions, run: RunInfo | None) -> PushSink:
        return PushSink(spec, options, run)

    def write(self, annotated: AnnotatedFrame) -> bool:
        """Send a frame; one that was captured at the time of the frame before is not sent again."""
        with self._lock:
            self.check_open()
            stream = self._stream
            if stream is None and self._clock.now() >= self._retry_at:
                stream = self._stream = self._begin(annotated.picture)
                self._send(stream, annotated)  # it connects with this picture
            elif stream is not None and stream.server.ended:
                self._lose(stream)
            elif stream is not None and stream.server.opened:
                self._welcome()
                self._send(stream, annotated)
            else:
                self._drop()
        return True

    def close(self) -> None:
        """Raises SinkError when there was something to send, and the server was never reached."""
        with self._lock:
            self.closed = True
            self._end()

    def abort(self) -> None:
        with contextlib.suppress(SinkError):  # what led here is told
            self.close()

    def _end(self) -> None:
        """Raises SinkError when the server has never taken a stream."""
        stream, self._stream = self._stream, None
        if stream is None:
            return
        stream.server.close()
        self._reached = self._reached or stream.server.opened
        if not self._reached:
            self.closed = True
            raise SinkError(
                f"{self._name}: takes no stream ({stream.server.reason}); check the address, and that the server is "
                "running"
            )

    def _begin(self, first: Picture) -> _Stream:
        self._opened_at = None
        return _Stream(self._url, self._coding, self._options, self._source, first, self._stall_s)

    def _send(self, stream: _Stream, annotated: AnnotatedFrame) -> None:
        try:
            stream.send(annotated, self._name)
        except SinkError:
            raise
        except av.FFmpegError as exc:
            raise SinkError(f"{self._name}: a picture cannot be encoded ({reason(exc)}); try another --codec") from exc
        except OSError:
            self._lose(stream)

    def _welcome(self) -> None:
        """The server takes this stream: say so after an outage."""
        if self._opened_at is None:
            self._opened_at = self._clock.now()
            if self._lost_at is not None:
                away = self._opened_at - self._lost_at
                log.warning("%s: back after %.1f s, %d pictures dropped", self._name, away, self._dropped)
                self._lost_at = None

    def _lose(self, stream: _Stream) -> None:
        """The server is gone, and with it a picture."""
        self._end()
        now = self._clock.now()
        if self._opened_at is not None and now - self._opened_at >= STEADY_S:
            self._failures = 0
        delay = backed_off(FIRST_DELAY_S, self._failures, LONGEST_DELAY_S)
        self._retry_at = now + delay
        self._failures += 1
        if self._lost_at is None:
            self._lost_at, self._dropped = now, 0
            log.warning("%s: %s; trying again in %.1f s, and on", self._name, stream.server.reason, delay)
        self._drop()

    def _drop(self) -> None:
        self._dropped += 1
        self._options.drop(NOBODY)


class _Stream:
    """One connection, with an encoder and times of its own."""

    def __init__(
        self, url: str, coding: Coding, options: SinkOptions, source: SourceInfo | None, first: Picture, stall_s: float
    ) -> None:
        self._timeline = timeline(source, options)
        context = av.VideoCodecContext.create(coding.encoder, "w")
        assert isinstance(context, av.VideoCodecContext)
        self._context = context
        self._encoding = Encoding(context, coding, options, source, first, self._timeline.time_base)
        muxer, muxer_options = MUXERS[scheme(url)]
        self.server = _Server(
            url=url,
            format=muxer,
            options=muxer_options,
            size=(context.width, context.height),
            rate=str(context.framerate),
            clock=self._timeline.time_base.denominator,
            stall_s=stall_s,
        )

    def send(self, annotated: AnnotatedFrame, name: str) -> None:
        """Raises OSError when the server is gone, SinkError, av.FFmpegError."""
        shown = self._timeline.place(annotated.frame)
        if shown is None:
            return
        self._encoding.check_size(annotated.picture, name)
        for packet in self._context.encode(self._encoding.frame(annotated.picture, shown)):
            self.server.send(packet)


class _Server:
    """The server, through the process that talks to it. The address goes through a pipe: everybody sees arguments.

    opened: it takes the stream. ended: it does not, or not any more, for this ``reason``.
    """

    def __init__(self, **head: Any) -> None:
        self.opened = self.ended = False
        self._opening_s = float(head["stall_s"]) + LEAVE_S
        self.reason = "it does not answer"
        command = [sys.executable, "-c", WORKER, *sys.path]
        try:
            self._process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
            )
        except OSError as exc:
            raise SinkError(f"{sys.executable}: cannot be run ({reason(exc)}); it sends what -o pushes") from exc
        self._thread = threading.Thread(target=self._listen, name="livecam-push", daemon=True)
        self._thread.start()
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(head).encode() + b"\n")  # goes with the first packet

    def send(self, packet: av.Packet[av.VideoStream]) -> None:
        """Wait until the process has taken it. Raises OSError when there is none any more."""
        data = bytes(packet)
        assert packet.pts is not None
        dts = packet.pts if packet.dts is None else packet.dts
        assert self._process.stdin is not None
        self._process.stdin.write(
            HEAD.pack(packet.pts, dts, packet.duration or 0, len(data), packet.is_keyframe) + data
        )
        self._process.stdin.flush()

    def close(self) -> None:
        """End the stream, once the server has taken it; one that does not let go within LEAVE_S is left."""
        assert self._process.stdin is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()
        try:
            self._process.wait(LEAVE_S if self.opened else self._opening_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._thread.join()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        with self._process.stdout as stdout:
            for line in stdout:
                said = json.loads(line)
                self.opened = self.opened or "open" in said
                self.reason = said.get("reason", self.reason)
        self.ended = True


def _checked(spec: str) -> str:
    """The address as FFmpeg takes it. Raises ConfigError when no server is named in it."""
    try:
        host = urlsplit(spec).hostname
    except ValueError:
        host = None
    if not host:
        raise ConfigError(f"{masked(spec)}: names no server; write it as in rtsp://host:8554/path")
    return scheme(spec) + spec[len(scheme(spec)) :]


SINKS.add("push", PushSink)
