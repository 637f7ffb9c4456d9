"""Streams to media servers: what arrives there, and what becomes of a run whose server is not there."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from push_listener import SECRET, Got, Listener, free_port
from sink_helpers import run

from livecam.clock import ManualClock
from livecam.errors import ConfigError, SinkError
from livecam.masking import masked
from livecam.sinks import SinkOptions, open_sink
from livecam.sinks.push import NOBODY, PushSink
from livecam.sinks.threaded import ThreadedSink
from livecam.sources import open_source
from livecam.types import AnnotatedFrame

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the listeners are watched through /proc")
LIVE = SinkOptions(live=True)
KINDS = ["rtmp", "rtsp"]
RATE = 12.5


@pytest.fixture(autouse=True)
def nothing_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert not set(threading.enumerate()) - before


def numbered(size: str = "160x96") -> Iterator[AnnotatedFrame]:
    """Pictures with their number in them, captured RATE times a second."""
    with open_source(f"test://?size={size}") as source:
        while frame := source.read():
            yield AnnotatedFrame(frame.captured(1000 + frame.index / RATE), frame.image, None, None)


def write_until(sink: PushSink | ThreadedSink, frames: Iterator[AnnotatedFrame], done: Callable[[], bool]) -> None:
    pause = threading.Event()
    for frame in frames:
        assert sink.write(frame)
        if done():
            return
        pause.wait(0.01)


def replaced(annotated: AnnotatedFrame, at: float) -> AnnotatedFrame:
    return AnnotatedFrame(annotated.frame.captured(at), annotated.image, None, None)


def connected(sink: PushSink) -> Callable[[], bool]:
    return lambda: sink._stream is not None and sink._stream.server.opened


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("size", ["160x96", "161x97"])
def test_the_pictures_arrive_in_order_and_at_their_times(kind: str, size: str) -> None:
    frames = numbered(size)
    dropped: Counter[str] = Counter()
    with Listener(kind) as server:
        with PushSink(server.url, SinkOptions(live=True, drop=lambda cause: dropped.update([cause])), run()) as sink:
            write_until(sink, frames, connected(sink))
            for last in islice(frames, 40):
                sink.write(last)
            sink.finish()
        got = server.pictures()
    numbers = [one.number for one in got]
    taken = numbers[1]  # the first that came when the server was ready
    assert numbers == [0, *range(taken, last.frame.index + 1)]
    assert len(numbers) >= 41
    assert dropped == {NOBODY: taken - 1}
    height, width = (97 + 1, 161 + 1) if size == "161x97" else (96, 160)
    assert {(one.height, one.width) for one in got} == {(height, width)}
    times = known_times(got)
    assert len(times) >= 40
    # RTMP counts in milliseconds
    assert np.diff([at for _, at in times]) == pytest.approx(
        np.diff([number for number, _ in times]) / RATE, abs=0.0011
    )
    keys = [one.number for one in got if one.key]
    assert keys[0] == 0
    assert max(np.diff([*keys[1:], numbers[-1]])) <= RATE + 1


def known_times(got: list[Got]) -> list[tuple[int, float]]:
    """(number, seconds) from the second picture on: RTSP learns the time of the first when more have come."""
    return [(one.number, one.at) for one in got[1:] if one.at is not None]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_comes_back_gets_a_new_stream(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    clock, frames = ManualClock(), numbered()
    dropped: Counter[str] = Counter()
    options = SinkOptions(live=True, drop=lambda cause: dropped.update([cause]))
    with Listener(kind) as server:
        sink = PushSink(server.url, options, run(), clock=clock)
        write_until(sink, frames, lambda: len(server.got) >= 5)
    write_until(sink, frames, lambda: sink._stream is None)  # notices it
    before = dropped[NOBODY]
    for _ in range(3):
        assert sink.write(next(frames))  # the clock stands: not tried again yet
    assert dropped[NOBODY] == before + 3
    with Listener(kind, server.port) as server:
        clock.advance(100)
        write_until(sink, frames, lambda: len(server.got) >= 10)
        sink.close()
        got = server.pictures()
    numbers = [one.number for one in got]
    assert got[0].key
    assert numbers == sorted(set(numbers))
    assert got[0].at in (None, 0.0)
    number, at = known_times(got)[-1]
    assert at == pytest.approx((number - numbers[0]) / RATE, abs=0.1)  # it begins at 0 again
    lost = [record.message for record in caplog.records if "trying again" in record.message]
    assert len(lost) == 1
    assert sum("back after" in record.message for record in caplog.records) == 1
    assert SECRET not in caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_nobody_listens(kind: str) -> None:
    url = f"{kind}://me:{SECRET}@127.0.0.1:{free_port()}/live"
    sink = PushSink(url, LIVE, run())
    with pytest.raises(SinkError, match=rf"{kind}://me:\*\*\*@127.*Connection refused") as raised:
        write_until(sink, numbered(), lambda: False)
    assert SECRET not in str(raised.value)
    assert "\n" not in str(raised.value)
    sink.close()
    with pytest.raises(SinkError, match="after close"):
        sink.write(next(numbered()))


@pytest.mark.parametrize("kind", KINDS)
def test_a_run_that_is_shorter_than_the_connection_fails_too(kind: str) -> None:
    sink = PushSink(f"{kind}://127.0.0.1:{free_port()}/live/x", LIVE, run())
    sink.write(next(numbered()))
    with pytest.raises(SinkError, match="Connection refused"):
        sink.close()
    sink.close()


@pytest.mark.parametrize("kind", KINDS)
def test_a_short_run_arrives(kind: str) -> None:
    with Listener(kind) as server:
        with PushSink(server.url, LIVE, run()) as sink:
            sink.write(next(numbered()))
        assert [one.number for one in server.pictures()] == [0]


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_takes_the_call_and_says_nothing(kind: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        sink = PushSink(f"{kind}://127.0.0.1:{server.getsockname()[1]}/live/x", LIVE, run(), stall_s=0.5)
        with pytest.raises(SinkError, match="does not answer"):
            write_until(sink, numbered(), lambda: False)


def test_a_server_that_stops_reading_is_lost(caplog: pytest.LogCaptureFixture) -> None:
    """Between them stands a relay that takes what comes, and from some moment on nothing more."""
    frames = numbered("640x480")
    with Listener("rtmp") as server, Relay(server.port) as relay:
        url = f"rtmp://127.0.0.1:{relay.port}/live/{SECRET}"
        sink = PushSink(url, SinkOptions(live=True, crf=1), run(), stall_s=0.5)
        write_until(sink, frames, lambda: len(server.got) >= 3)
        relay.stop()
        write_until(sink, frames, lambda: sink._stream is None)
        assert "does not answer" in caplog.text
        sink.close()
    assert SECRET not in caplog.text
    assert "rtmp://127.0.0.1" in caplog.text


class Relay:
    """Passes bytes both ways to ``port`` of this machine until it is told to stop; the connections stay."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self._stopped = threading.Event()
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept)]
        self._threads[0].start()

    def _accept(self) -> None:
        try:
            near, _ = self._server.accept()
        except OSError:
            return  # nobody has called
        far = socket.create_connection(("127.0.0.1", self._target))
        self._sockets += [near, far]
        for one, other in ((near, far), (far, near)):
            self._threads.append(threading.Thread(target=self._pass, args=(one, other)))
            self._threads[-1].start()

    def _pass(self, one: socket.socket, other: socket.socket) -> None:
        try:
            while not self._stopped.is_set() and (data := one.recv(65536)):
                other.sendall(data)
        except OSError:
            return

    def stop(self) -> None:
        self._stopped.set()

    def __enter__(self) -> Relay:
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for one in (self._server, *self._sockets):
            one.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()
        for one in (*self._sockets, self._server):
            one.close()


def test_in_a_thread_the_failure_is_the_caller_s() -> None:
    push = PushSink(f"rtmp://127.0.0.1:{free_port()}/live/x", LIVE, run())
    with pytest.raises(SinkError, match="Connection refused"), ThreadedSink(push) as sink:
        write_until(sink, numbered(), lambda: False)


def test_a_picture_of_another_size_is_a_sink_error() -> None:
    with Listener("rtmp") as server, PushSink(server.url, LIVE, run()) as sink:
        write_until(sink, numbered(), connected(sink))
        with pytest.raises(SinkError, match="has become 320×240"):
            sink.write(replaced(next(numbered("320x240")), 2000.0))


@pytest.mark.parametrize(
    ("spec", "options", "words"),
    [
        (f"rtmp:///live/{SECRET}", LIVE, "names no server"),
        (f"rtsp://[::1/{SECRET}?token={SECRET}", LIVE, "names no server"),
        (f"rtmp://h/live/{SECRET}", SinkOptions(), "livecam live"),
        (f"rtmp://h/live/{SECRET}", SinkOptions(live=True, codec="vp9"), "--codec h264"),
    ],
)
def test_what_makes_no_sense_is_said_at_once(spec: str, options: SinkOptions, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as raised:
        open_sink(spec, options, run())
    assert SECRET not in str(raised.value).replace(f"[::1/{SECRET}", "")


def test_capital_letters_in_the_scheme() -> None:
    assert PushSink.matches("RTMPS://h/a/b")
    assert PushSink("RTMP://h/A/B", LIVE)._url == "rtmp://h/A/B"


@pytest.mark.parametrize("kind", KINDS)
def test_the_command(kind: str, tmp_path: Path) -> None:
    """A run with a recording beside it; the secret is in nothing that it says or writes."""
    with Listener(kind) as server:
        url = server.url.replace("://", f"://me:{SECRET}@") if kind == "rtsp" else server.url
        options = ("-o", url, "-o", "a.mp4", "--backend", "torch", "--max-frames", "60", "--json")
        done = subprocess.run(
            [sys.executable, "-m", "livecam", "live", "test://?size=160x96", *options],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=100,
        )
        got = server.pictures()
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["output"] == [masked(url), "a.mp4"]
    dropped = sum(report["dropped"].get(cause, 0) for cause in (NOBODY, "network too slow"))
    assert len(got) + dropped == report["frames_out"]
    times = [at for _, at in known_times(got)]
    assert times == sorted(set(times))
    assert SECRET not in done.stderr + done.stdout
