"""How many threads everybody gets, so that they do not fight."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import cv2


def cores() -> int:
    """Cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        return os.cpu_count() or 1


def beside_an_encoder() -> int:
    """Threads of the engine where every frame is also decoded, painted and encoded: half of the cores.

    An engine with a thread on every core waits, spinning, for the one that the encoder has taken: on two cores, one
    thread explains a frame with 10 ms of CPU time where two take 14, and the other core encodes meanwhile.
    """
    return max(1, cores() // 2)


@contextmanager
def opencv_threads(count: int) -> Iterator[None]:
    """OpenCV works with so many threads of its own meanwhile, in the whole process.

    Beside an engine and an encoder, its second thread costs CPU time and saves none: it doubles a plane of 1280×720 in
    0.34 ms with one thread as with two.
    """
    before = cv2.getNumThreads()
    cv2.setNumThreads(count)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
