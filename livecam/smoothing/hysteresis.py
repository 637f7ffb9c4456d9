"""The explained class is held: it does not flip between near-ties."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Hysteresis:
    """Holds a class until another one is clearly better, or has been better for a while.

    Scores are compared after an exponential average with time constant ``seconds``, so a single frame does not decide.
    A challenger takes over when its averaged score exceeds the held one's by the factor ``ratio``.
    """

    def __init__(self, seconds: float, ratio: float = 1.25) -> None:
        self._seconds, self._ratio = seconds, ratio
        self._average: NDArray[np.float32] | None = None
        self._held: int | None = None
        self._last = 0.0

    def choose(self, scores: NDArray[np.float32], now: float) -> int:
        """The class to explain. scores: (C,) probabilities; now: seconds of the frame's own clock."""
        if self._average is None:
            self._average = scores.astype(np.float32)
        else:
            fresh = 1.0 - float(np.exp(-max(now - self._last, 0.0) / self._seconds)) if self._seconds > 0 else 1.0
            self._average = self._average + fresh * (scores - self._average)
        self._last = now
        best = int(self._average.argmax())
        if self._held is None or self._average[best] > self._ratio * self._average[self._held]:
            self._held = best
        return self._held

    def reset(self) -> None:
        self._average = self._held = None
