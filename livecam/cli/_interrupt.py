"""SIGINT and SIGTERM ask for an end: the files are finalised, then the command exits with 130."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from types import FrameType, TracebackType

from livecam.signals import is_patient

INTERRUPTED = 130  # exit code
PATIENCE_S = 10.0  # from the first signal on, in which files can be finalised: a disk may hang, and they never are
LAST_S = 0.2  # in which a thread that has been given up may still end by itself


class Interrupt:
    """``requested`` after the first signal; a second one interrupts at once, but for files that are being written:
    these have PATIENCE_S.

    A plain flag: a handler that took a lock, or raised in the middle of a write, could do what it is to prevent.
    """

    def __init__(self) -> None:
        self.requested = False
        self._since = 0.0
        self._before: dict[int, object] = {}

    def __call__(self) -> bool:
        return self.requested

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested and not (is_patient() and time.monotonic() - self._since < PATIENCE_S):
            raise KeyboardInterrupt
        if not self.requested:
            self.requested, self._since = True, time.monotonic()

    def __enter__(self) -> Interrupt:
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]


def leave(code: int) -> None:
    """End the process here and now if a thread of ours was abandoned, in a ``read`` or a pass that did not return.

    To be called when all is written. An interpreter that finalises itself beside such a thread ends it when it comes
    back from C++, where that is ``std::terminate``: a core dump and another exit code, with all files in order.
    """
    for thread in [one for one in threading.enumerate() if one.daemon and one.name.startswith("livecam-")]:
        thread.join(LAST_S)
        if thread.is_alive():
            for stream in (sys.stdout, sys.stderr):
                with suppress(OSError, ValueError, AttributeError):  # full, closed, or none
                    stream.flush()
            os._exit(code)
