"""Faults of every kind, and that the pictures go on. Sources here obey events; time is moved by hand."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from fractions import Fraction
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import pytest
from source_helpers import corners, quarter_names

from livecam.clock import ManualClock
from livecam.errors import ConfigError, SourceLost, SourceNotFound
from livecam.health import State
from livecam.sources import Source, SourceOptions, health_of, open_source
from livecam.sources.reconnecting import LONGEST_DELAY_S, ReconnectingSource, open_live
from livecam.sources.synthetic import SyntheticSource, read_frame_number
from livecam.types import Frame, SourceInfo

WAIT_S = 20


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = set(threading.enumerate())
    yield
    assert not [t for t in set(threading.enumerate()) - before if t.name.startswith("livecam")]


class Scripted:
    """A live source: p a picture, x SourceLost, b a bug, e the end, h a read that returns when ``let_go`` is set."""

    def __init__(
        self, script: str, clock: ManualClock, *, size: tuple[int, int] = (96, 64), base: int = 1000, live: bool = True
    ) -> None:
        self.info = SourceInfo("cam", *size, 25.0, Fraction(1, base), live=live)
        self.decode_errors = 1
        self.let_go, self.stuck = threading.Event(), threading.Event()
        self.closed = 0
        self._script, self._clock, self._index, self._base = iter(script), clock, 0, base

    def read(self) -> Frame | None:
        what = next(self._script)
        if what == "h":
            self.stuck.set()
            assert self.let_go.wait(WAIT_S)
            return None
        if what == "x":
            raise SourceLost("cam: the cable is out")
        if what == "b":
            raise ZeroDivisionError("a bug")
        if what == "e":
            return None
        self._clock.advance(0.04)
        self._index += 1
        ticks = round((self._index - 1) * 0.04 * self._base)
        image = corners(self.info.width, self.info.height)
        return Frame(image, self._index - 1, ticks / self._base, self._clock.now(), ticks, 40)

    def close(self) -> None:
        self.closed += 1

    def __enter__(self) -> Scripted:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def reconnecting(
    clock: ManualClock, first: Any, *later: Any, random: Callable[[], float] = lambda: 0.5, **options: Any
) -> ReconnectingSource:
    """Opens ``later`` one after the other; an exception among them is a failed try."""
    rest = iter(later)

    def open_again(_: SourceOptions) -> Source:
        opened = next(rest)
        if isinstance(opened, Exception):
            raise opened
        return opened

    return ReconnectingSource(open_again, SourceOptions(**options), first=first, name="cam", clock=clock, random=random)


def take(source: Source, count: int) -> list[Frame]:
    frames = [source.read() for _ in range(count)]
    assert all(frame is not None for frame in frames)
    return [frame for frame in frames if frame is not None]


def test_pictures_go_on_after_a_loss_and_time_with_them(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock(100.0)
    first, second = Scripted("ppx", clock), Scripted("ppp", clock)
    with caplog.at_level(logging.INFO), reconnecting(clock, first, second) as source:
        frames = take(source, 5)
        assert source.health == health_of(source)
        assert (source.health.state, source.health.outages, source.health.attempts) == (State.LIVE, 1, 0)
        assert source.decode_errors == 2
    assert [f.index for f in frames] == [0, 1, 2, 3, 4]
    # 0.04 s between pictures; the outage is the delay of 1 s before the next try, and one more picture.
    assert [f.pts for f in frames] == pytest.approx([0, 0.04, 1.08, 1.12, 1.16])
    assert [f.pts for f in frames] == pytest.approx([f.ticks / 1000 for f in frames])
    assert [f.captured_at for f in frames] == pytest.approx([100.04, 100.08, 101.12, 101.16, 101.20])
    assert (first.closed > 0, second.closed > 0) == (True, True)
    assert source.health.state is State.ENDED
    lost, back = [r.message for r in caplog.records]
    assert lost == "cam: the cable is out; trying again in 1.0 s, and on"
    assert back.startswith("cam: back after 1.")


def test_the_delay_doubles_up_to_a_limit_and_begins_anew_after_a_picture() -> None:
    clock, tries = ManualClock(), []
    ups = [Scripted("px", clock), Scripted("px", clock), Scripted("p", clock)]
    script: list[Any] = [SourceNotFound("gone")] * 7 + [ups[1], SourceNotFound("gone"), ups[2]]

    def open_again(_: SourceOptions) -> Source:
        tries.append(clock.now())
        opened = script.pop(0)
        if isinstance(opened, Exception):
            raise opened
        return opened

    options = SourceOptions()
    with ReconnectingSource(open_again, options, first=ups[0], name="cam", clock=clock, random=lambda: 0.5) as source:
        take(source, 3)
    waits = np.diff([0.04, *tries])
    assert waits[:8] == pytest.approx([1, 2, 4, 8, 16, 30, 30, 30])
    assert waits[8:] == pytest.approx([1.04, 2])


@pytest.mark.parametrize(("number", "delay"), [(0.0, 0.8), (0.999999, 1.2)])
def test_jitter(number: float, delay: float) -> None:
    clock = ManualClock()
    with reconnecting(clock, Scripted("px", clock), Scripted("p", clock), random=lambda: number) as source:
        first, second = take(source, 2)
    assert second.captured_at - first.captured_at == pytest.approx(delay + 0.04, abs=1e-5)
    assert LONGEST_DELAY_S == 30


def test_a_read_that_never_returns_is_abandoned_and_named(caplog: pytest.LogCaptureFixture) -> None:
    clock = ManualClock()
    stuck, second = Scripted("ph", clock), Scripted("pp", clock)
    with caplog.at_level(logging.WARNING), reconnecting(clock, stuck, second) as source:
        take(source, 1)
        clock.advance(1.5)
        assert source.health.state is State.STALE
        got: list[Frame | None] = []
        reader = threading.Thread(target=lambda: got.append(source.read()))
        reader.start()
        assert stuck.stuck.wait(WAIT_S)
        clock.advance(4.0)
        reader.join(WAIT_S)
        assert got[0] is not None
        assert got[0].index == 1
    warned = [r.message for r in caplog.records if "left behind" in r.message]
    assert len(warned) == 1
    (thread,) = [t for t in threading.enumerate() if t.name.startswith("livecam-source")]
    assert thread.daemon
    assert thread.name in warned[0]
    stuck.let_go.set()
    thread.join(WAIT_S)


def test_a_slow_source_is_given_its_time() -> None:
    """At a picture in four seconds, ten of silence are no stall."""
    clock = ManualClock()
    slow = Scripted("php", clock)
    slow.info = SourceInfo("cam", 96, 64, 0.25, Fraction(1, 1000), live=True)
    with reconnecting(clock, slow, Scripted("p", clock)) as source:
        take(source, 1)
        reader = threading.Thread(target=source.read)
        reader.start()
        assert slow.stuck.wait(WAIT_S)
        clock.advance(10.0)
        reader.join(0.5)  # five of the looks that it takes at the clock
        assert reader.is_alive()
        assert source.health.outages == 0
        clock.advance(11.0)
        slow.let_go.set()
        reader.join(WAIT_S)
    assert source.health.outages == 1


def test_another_size_is_fitted_into_the_first() -> None:
    clock = ManualClock()
    tall = Scripted("p", clock, size=(64, 128))
    with reconnecting(clock, Scripted("px", clock, size=(96, 64)), tall) as source:
        before, after = take(source, 2)
    assert before.image.shape == after.image.shape == (64, 96, 3)
    assert not after.image[:, :32].any(), "black at both sides"
    assert not after.image[:, 64:].any()
    assert quarter_names(np.ascontiguousarray(after.image[:, 32:64])) == ["red", "green", "blue", "grey"]


def test_another_time_base_is_translated() -> None:
    clock = ManualClock()
    with reconnecting(clock, Scripted("ppx", clock), Scripted("ppp", clock, base=90_000)) as source:
        frames = take(source, 5)
    assert [f.ticks for f in frames] == [0, 40, 1080, 1120, 1160]


def test_the_end_of_a_live_source_is_a_fault_and_of_a_recording_the_end() -> None:
    clock = ManualClock()
    with reconnecting(clock, Scripted("pe", clock), Scripted("p", clock)) as source:
        take(source, 2)
    with reconnecting(clock, Scripted("ppe", clock, live=False)) as recording:
        take(recording, 2)
        assert recording.read() is None
        assert recording.health.state is State.ENDED
        assert recording.read() is None


def test_a_bug_is_the_readers() -> None:
    clock = ManualClock()
    with reconnecting(clock, Scripted("pb", clock)) as source:
        take(source, 1)
        with pytest.raises(ZeroDivisionError):
            source.read()
    with reconnecting(clock, Scripted("px", clock), ConfigError("makes no sense")) as source:
        take(source, 1)
        with pytest.raises(ConfigError):
            source.read()


def test_close_wakes_a_reader_that_waits_for_the_next_try() -> None:
    """On the real clock, with half a minute before the next try."""
    clock = ManualClock()
    source = ReconnectingSource(
        lambda _: pytest.fail("opened"),
        SourceOptions(retry_delay_s=600),
        first=Scripted("px", clock),
        name="cam",
    )
    take(source, 1)
    got: list[Frame | None] = []
    reader = threading.Thread(target=lambda: got.append(source.read()))
    reader.start()
    while source.health.state is not State.LOST:
        assert reader.is_alive()
    assert source.health.cause == "the cable is out"
    source.close()
    source.close()
    reader.join(WAIT_S)
    assert got == [None]
    assert source.read() is None


def test_closed_before_it_is_read() -> None:
    clock = ManualClock()
    first = Scripted("p", clock)
    reconnecting(clock, first).close()
    assert first.closed


class TestOpenLive:
    def test_what_is_not_there_fails_at_once(self) -> None:
        with pytest.raises(SourceNotFound):
            open_live("rtsp://127.0.0.1:9/cam", SourceOptions(reconnect=True))

    def test_or_is_waited_for(self) -> None:
        options = SourceOptions(size=(320, 240), retry_delay_s=600)
        with open_live("rtsp://me:s3cr3t@127.0.0.1:9/cam", options, wait=True) as source:
            health = health_of(source)
            assert (health.state, health.outages) == (State.LOST, 0)
            assert health.cause == "cannot be opened: connection refused; is the server running?"
            assert source.info.name == "rtsp://me:***@127.0.0.1:9/cam"
            assert (source.info.width, source.info.height, source.info.live) == (320, 240, True)
            assert health.retry_at is not None
            assert 480 < health.retry_at - health.since < 720

    def test_a_file_that_is_not_there_is_not_waited_for(self) -> None:
        with pytest.raises(SourceNotFound):
            open_live("missing.mp4", wait=True)

    def test_by_default_only_what_is_live_reconnects(self) -> None:
        with open_live("test://?frames=2") as source:
            assert isinstance(source, SyntheticSource)
        with open_live("test://?frames=2", SourceOptions(reconnect=True)) as source:
            assert isinstance(source, ReconnectingSource)
            assert len(take(source, 2)) == 2
            assert source.read() is None

    def test_a_source_without_health_is_live(self) -> None:
        with open_source("test://?frames=2") as source:
            assert health_of(source).state is State.LIVE


def test_synthetic_faults_lose_no_picture() -> None:
    """All three kinds, on the real clock: what is read is what a faultless source gives, and then it ends."""
    options = SourceOptions(reconnect=True, retry_delay_s=0.01, stall_timeout_s=0.2)
    with open_live("test://?size=64x48&frames=2500&faults=3", options) as source:
        frames = take(source, 2500)
        assert source.read() is None
        outages = health_of(source).outages
    assert [read_frame_number(f.image) for f in frames] == list(range(2500))
    assert outages >= 3
    assert all(b.ticks > a.ticks for a, b in pairwise(frames))


def test_a_part_with_faults_is_that_part() -> None:
    options = SourceOptions(start_s=10, duration_s=60, reconnect=True, retry_delay_s=0.01, stall_timeout_s=0.2)
    with open_live("test://?size=64x48&fps=25&faults=3", options) as source:
        frames = take(source, 1500)
        assert source.read() is None
        assert health_of(source).outages
    assert [read_frame_number(f.image) for f in frames] == list(range(250, 1750))


@pytest.fixture
def camera_server() -> Iterator[str]:
    """An address of MJPEG whose server breaks off after five pictures, each time, in the manner of cheap cameras."""
    _, jpeg = cv2.imencode(".jpg", corners()[:, :, ::-1])

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "multipart/x-mixed-replace; boundary=b")
            self.end_headers()
            for _ in range(5):
                head = f"--b\r\nContent-Type: image/jpeg\r\nContent-Length: {len(jpeg)}\r\n\r\n"
                self.wfile.write(head.encode() + jpeg.tobytes() + b"\r\n")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/video.mjpg"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_real_stream_that_breaks_off(camera_server: str) -> None:
    with open_live(camera_server, SourceOptions(retry_delay_s=0.01)) as source:
        assert isinstance(source, ReconnectingSource)
        frames = take(source, 12)
        assert source.health.outages >= 2
    assert [f.index for f in frames] == list(range(12))
    assert quarter_names(frames[-1].image) == ["red", "green", "blue", "grey"]
    assert all(b.pts > a.pts and b.captured_at >= a.captured_at for a, b in pairwise(frames))
