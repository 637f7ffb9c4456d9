from __future__ import annotations

import threading

import pytest
from sink_helpers import annotated

from livecam.channel import Full
from livecam.errors import SinkError
from livecam.sinks import BaseSink
from livecam.sinks.memory import MemorySink
from livecam.sinks.threaded import ThreadedSink
from livecam.types import AnnotatedFrame


class Gate(BaseSink):
    """Tells when it is asked to write, and waits to be let."""

    def __init__(self, error: Exception | None = None, wanted: bool = True) -> None:
        self.entered = threading.Semaphore(0)
        self.let = threading.Semaphore(0)
        self.error = error
        self.wanted = wanted
        self.log: list[object] = []
        self.thread: threading.Thread | None = None

    def write(self, annotated: AnnotatedFrame) -> bool:
        self.thread = threading.current_thread()
        self.entered.release()
        self.let.acquire()
        if self.error is not None:
            raise self.error
        self.log.append(annotated.frame.index)
        return self.wanted

    def finish(self) -> None:
        self.log.append("finish")

    def close(self) -> None:
        self.log.append("close")

    def abort(self) -> None:
        self.log.append("abort")


def let_all(gate: Gate) -> None:
    gate.let.release(1000)


def test_all_is_written_in_order_before_the_end() -> None:
    gate = Gate()
    with ThreadedSink(gate, capacity=8) as sink:
        for number in range(5):
            assert sink.write(annotated(number))
        let_all(gate)
        sink.finish()
    assert gate.log == [0, 1, 2, 3, 4, "finish", "close"]
    assert gate.thread is not threading.current_thread()
    assert not gate.thread.is_alive()
    assert sink.dropped == 0


def test_live_it_drops_and_counts() -> None:
    gate = Gate()
    sink = ThreadedSink(gate, capacity=2, full=Full.LATEST)
    sink.write(annotated(0))
    gate.entered.acquire()  # the worker holds picture 0, the queue is empty
    for number in range(1, 6):
        sink.write(annotated(number))
    assert sink.dropped == 3
    let_all(gate)
    sink.close()
    assert gate.log == [0, 4, 5, "close"]


def test_otherwise_it_waits() -> None:
    gate = Gate()
    sink = ThreadedSink(gate, capacity=1)
    sink.write(annotated(0))
    gate.entered.acquire()
    sink.write(annotated(1))
    writer = threading.Thread(target=sink.write, args=(annotated(2),))
    writer.start()
    let_all(gate)
    writer.join()
    sink.close()
    assert gate.log == [0, 1, 2, "close"]
    assert sink.dropped == 0


@pytest.mark.parametrize("call", ["write", "finish", "close"])
def test_the_failure_of_the_worker_is_the_callers(call: str) -> None:
    error = SinkError("disk full")
    gate = Gate(error)
    let_all(gate)
    sink = ThreadedSink(gate)
    sink.write(annotated(0))
    sink._worker.join()
    with pytest.raises(SinkError) as raised:
        sink.write(annotated(1)) if call == "write" else getattr(sink, call)()
    assert raised.value is error
    assert gate.log == ["abort"]
    sink.close()
    with pytest.raises(SinkError, match="after close"):
        sink.write(annotated(2))


def test_a_writer_that_waits_is_woken_by_the_failure() -> None:
    gate = Gate(SinkError("disk full"))
    sink = ThreadedSink(gate, capacity=1)
    sink.write(annotated(0))
    gate.entered.acquire()
    sink.write(annotated(1))
    raised: list[Exception] = []

    def write() -> None:
        try:
            sink.write(annotated(2))
        except SinkError as error:
            raised.append(error)

    writer = threading.Thread(target=write)
    writer.start()
    let_all(gate)
    writer.join()
    sink.close()
    assert raised == [gate.error]


def test_abort_throws_the_queue_away() -> None:
    gate = Gate()
    sink = ThreadedSink(gate)
    sink.write(annotated(0))
    gate.entered.acquire()
    sink.write(annotated(1))
    sink._queue.discard()  # what abort does first; the worker must not get picture 1 once it is let go
    let_all(gate)
    sink.abort()
    assert gate.log == [0, "abort"]


def test_it_says_that_the_viewer_has_ended() -> None:
    gate = Gate(wanted=False)
    let_all(gate)
    sink = ThreadedSink(gate)
    sink.write(annotated(0))
    sink._queue.close()
    sink._worker.join()
    assert sink._wanted is False
    sink.close()


def test_no_thread_is_left() -> None:
    before = threading.active_count()
    for end in ("close", "abort"):
        sink = ThreadedSink(MemorySink())
        sink.write(annotated(0))
        getattr(sink, end)()
    assert threading.active_count() == before
