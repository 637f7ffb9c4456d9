"""How much a server takes from those who ask."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """viewers: who watch at a time. connections: of any kind. text: bytes of a message in words. rate, burst: messages
    a second, and at once. silent_s: seconds after which who does not take what was sent is sent away.
    jpeg_bytes, jpeg_side: of a picture of a browser's camera, bytes and pixels.
    """

    viewers: int = 32
    connections: int = 128
    text: int = 4096
    rate: float = 150.0
    burst: float = 300.0
    silent_s: float = 10.0
    jpeg_bytes: int = 2 * 2**20
    jpeg_side: int = 2048


class Bucket:
    """``rate`` messages a second, ``burst`` at once.

    >>> bucket = Bucket(1, 2, now=lambda: 0.0)
    >>> bucket.take(), bucket.take(), bucket.take()
    (True, True, False)
    """

    def __init__(self, rate: float, burst: float, now: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._now = rate, burst, now
        self._left, self._at = burst, now()

    def take(self) -> bool:
        now = self._now()
        self._left = min(self._burst, self._left + (now - self._at) * self._rate)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
