"""Smaller inputs of the network, for the governor. An input is used once it is prepared; nobody waits for it.

An engine that compiles for each input size takes seconds the first time. So a size is prepared in a thread of its own,
while there is time to spare, and its rung is left out until then.
"""

from __future__ import annotations

import logging
import threading
from typing import Protocol, runtime_checkable

from livecam.governor import Level
from livecam.pipeline._run import JOIN_S, Explains

log = logging.getLogger("livecam")

STRIDE = 32  # of the networks: an input is a multiple of it


@runtime_checkable
class Resizes(Protocol):
    """What an explainer offers that can change the size of its input."""

    input_size: int

    def prepare(self, size: tuple[int, int], input_size: int) -> None:
        """Get ready for pictures of ``size`` (H, W) at an input of ``input_size``; takes as long as it takes."""
        ...


class Inputs:
    """Which sizes of the input there are, and which are ready. A context manager: on exit its thread has ended."""

    def __init__(self, explainer: Explains, ladder: tuple[Level, ...]) -> None:
        self._explainer = explainer if isinstance(explainer, Resizes) else None
        self._shares = sorted({level.input for level in ladder if level.input < 1.0}, reverse=True)
        self._ready: set[tuple[tuple[int, int], float]] = set()
        self._asked: tuple[int, int] | None = None
        self._thread: threading.Thread | None = None
        self._ended = threading.Event()

    def size(self, picture: tuple[int, int], share: float) -> int | None:
        """The ``input_size`` at ``share`` of the usual one, for a picture of (H, W); None: the usual one."""
        return self._sized(share) if self.ready(picture, share) and share < 1.0 else None

    def ready(self, picture: tuple[int, int], share: float) -> bool:
        return share == 1.0 or (picture, share) in self._ready

    def prepare(self, picture: tuple[int, int]) -> None:
        """Begin to prepare all sizes for pictures of (H, W), once; returns at once."""
        busy = self._thread is not None and self._thread.is_alive()
        if self._explainer is None or picture == self._asked or busy:
            return
        self._asked = picture
        self._thread = threading.Thread(target=self._prepare, args=(picture,), name="livecam-prepare", daemon=True)
        self._thread.start()

    def _prepare(self, picture: tuple[int, int]) -> None:
        assert self._explainer is not None
        for share in self._shares:
            if self._ended.is_set():
                return
            try:
                self._explainer.prepare(picture, self._sized(share))
            except Exception as error:  # noqa: BLE001  one rung less is no reason to end what runs well
                log.warning("the network's input stays at %d: %s", self._explainer.input_size, error)
                return
            self._ready.add((picture, share))

    def _sized(self, share: float) -> int:
        assert self._explainer is not None
        return max(STRIDE, round(self._explainer.input_size * share / STRIDE) * STRIDE)

    def __enter__(self) -> Inputs:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        if self._thread is not None:
            self._thread.join(JOIN_S)
            if self._thread.is_alive():
                log.warning("%s: does not return, abandoned", self._thread.name)
