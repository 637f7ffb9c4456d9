"""A browser's camera: JPEGs that a page sends, one at a time, to the source that reads them."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass

from livecam.channel import Channel, Closed, Full

_FRAME_HEADERS = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # SOF markers: they alone say the size
_ALONE = frozenset({0x01, *range(0xD0, 0xD8)})  # markers without a length
_END = b"\xff\xd9"


@dataclass(frozen=True, slots=True)
class Arrived:
    """jpeg: a whole JPEG whose header says an acceptable size. at: monotonic seconds at which it arrived."""

    jpeg: bytes
    at: float


class Feed:
    """Pictures on their way from a page to a source. ``taken`` is called, in the source's thread, for each one."""

    def __init__(self, taken: Callable[[], None]) -> None:
        self.busy = False  # a page is sending; the event loop alone touches it
        self._taken = taken
        self._newest = Channel[Arrived](1, Full.LATEST)

    @property
    def dropped(self) -> int:
        """Pictures that came before the last one was taken: of a page that does not wait."""
        return self._newest.dropped

    def put(self, arrived: Arrived) -> None:
        try:
            self._newest.put(arrived)
        except Closed:
            return

    def take(self) -> Arrived | None:
        """Wait for a picture; None when closed."""
        try:
            arrived = self._newest.get()
        except Closed:
            return None
        self._taken()
        return arrived

    def close(self) -> None:
        self._newest.discard()


def jpeg_size(data: bytes) -> tuple[int, int] | None:
    """(width, height) that the header of a JPEG says, read without decoding anything; None when it is no whole JPEG.

    ISO/IEC 10918-1, B.1.1.4 and B.2.2.
    """
    if data[:2] != b"\xff\xd8" or data[-2:] != _END:
        return None
    at = 2
    while at + 9 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker in _FRAME_HEADERS:
            height, width = struct.unpack_from(">HH", data, at + 5)
            return (width, height) if width and height else None
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None
