"""SIGINT and SIGTERM ask for an end: the files are finalised, then the command exits with 130."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType

INTERRUPTED = 130  # exit code


class Interrupt:
    """``requested`` after the first signal; a second one interrupts at once.

    A plain flag: a handler that took a lock, or raised in the middle of a write, could do what it is to prevent.
    """

    def __init__(self) -> None:
        self.requested = False
        self._before: dict[int, object] = {}

    def __call__(self) -> bool:
        return self.requested

    def _handle(self, _number: int, _frame: FrameType | None) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __enter__(self) -> Interrupt:
        self._before = {number: signal.signal(number, self._handle) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
