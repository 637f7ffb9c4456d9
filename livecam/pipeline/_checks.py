"""When LIVE checks whether its maps tell the truth, and with which pictures the result is shown."""

from __future__ import annotations

from dataclasses import replace
from typing import Protocol, runtime_checkable

from livecam.pipeline._run import Run
from livecam.pipeline._screen import Explained
from livecam.types import Explanation, Faithfulness, Picture

FAITHFUL_S = 1.0  # from one check to the next, at least
BUSY = 0.1  # share of the inference thread's time that checks take at most


@runtime_checkable
class Checkable(Protocol):
    """What an explainer offers that can check its maps."""

    def check(
        self, image: Picture, explanation: Explanation, *, input_size: int | None = None
    ) -> Faithfulness | None: ...


class Checks:
    """The checks of one run. For the inference thread, which alone touches the device. sharing: runs that it has."""

    def __init__(self, run: Run, sharing: int = 1) -> None:
        self._explainer = run.explainer if run.check and isinstance(run.explainer, Checkable) else None
        self._run, self._busy = run, BUSY / sharing
        self._due = run.clock.now()
        self._found: Faithfulness | None = None
        self._method = ""

    def check(self, explained: Explained, every: int, input_size: int | None) -> None:
        """Check an explanation when it is time to: where the network looks at every n-th picture only, n times as
        rarely, and on a slow machine so rarely that it is not felt. input_size: with which it was explained."""
        run, start = self._run, self._run.clock.now()
        if self._explainer is None or start < self._due:
            return
        explanation = explained.explanation
        with run.stats.stage("check"):
            self._found = self._explainer.check(explained.frame.picture, explanation, input_size=input_size)
        self._method = explanation.method
        if self._found is not None:
            run.meter.checked(self._found)
        took = run.clock.now() - start
        self._due = start + max(FAITHFUL_S * every, took / self._busy)

    def told(self, explanation: Explanation) -> Explanation:
        """The explanation with what the last check has found, as long as it is about the same class and method."""
        found = self._found
        if found is None or explanation.against is not None:
            return explanation
        if (found.class_idx, self._method) != (explanation.class_idx, explanation.method):
            return explanation
        return replace(explanation, faithfulness=found)
