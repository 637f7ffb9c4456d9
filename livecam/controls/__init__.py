"""Controls: what the viewer has asked for. Keys and messages of a browser change it, the pipeline reads it."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace
from typing import Any

from livecam.controls.actions import ACTIONS, KEYS, Action
from livecam.controls.choices import Choices
from livecam.controls.view import RUNNER_UP, HudLevel, View
from livecam.errors import ConfigError
from livecam.types import AnnotatedFrame

NEWS_S = 2.5

__all__ = ["ACTIONS", "KEYS", "RUNNER_UP", "Action", "Choices", "Controls", "HudLevel", "View"]


class Controls:
    """The current View, and the events that wait to be taken. Any thread may read it or change it."""

    def __init__(self, view: View | None = None, choices: Choices | None = None) -> None:
        self._view = view or View()
        self._choices = choices or Choices()
        self._events: Counter[str] = Counter()
        self._news, self._told_at = "", 0.0
        self._alarms: tuple[str, ...] = ()
        self._lock = threading.Lock()

    @property
    def view(self) -> View:
        return self._view

    @property
    def recording(self) -> bool:
        """Whether what is shown is being recorded."""
        return self._choices.recording and self._view.recording

    @property
    def wall(self) -> bool:
        """Whether there are several cameras to choose from."""
        return bool(self._choices.tiles)

    def change(self, **wishes: Any) -> View:
        """Replace fields of the view; returns the new one. For code that knows what it does: nothing is checked."""
        with self._lock:
            self._view = replace(self._view, **wishes)
            return self._view

    def observe(self, annotated: AnnotatedFrame) -> None:
        """What the viewer sees now: "this class" is the one explained there. Said by the sink that shows it."""
        with self._lock:
            explanation = annotated.explanation
            explained = None if explanation is None else explanation.class_idx
            self._choices = replace(self._choices, explained=explained, level=annotated.level)

    def tell(self, news: str) -> None:
        """Have the viewer told something, for NEWS_S seconds: that a key did nothing, or where a picture is kept."""
        self._news, self._told_at = news, time.monotonic()

    @property
    def news(self) -> str:
        """What the viewer is to be told now, mostly ""; when there is nothing new, that something does not work."""
        return self._news if time.monotonic() - self._told_at < NEWS_S else " · ".join(self._alarms)

    def alarm(self, words: str) -> None:
        """Have everybody told, until the run ends, that a part of it does not work any more."""
        with self._lock:
            self._alarms = (*self._alarms, words)

    @property
    def alarms(self) -> tuple[str, ...]:
        """What does not work any more."""
        return self._alarms

    def offered(self) -> tuple[Action, ...]:
        """The actions that make sense in this run, in the order of the help."""
        choices = self._choices
        empty = {
            "record": not choices.recording,
            "method": len(choices.methods) < 2,
            "colormap": not choices.colormaps,
            "enlarge": not choices.tiles,
        }
        return tuple(
            ACTIONS.get(name) for name in ACTIONS if name not in choices.forbidden and not empty.get(name, False)
        )

    def act(self, name: str, value: Any = None) -> View:
        """Do what a browser asks for; returns the new View. name, value: anything at all, as it came from outside.

        Raises ConfigError, and nothing has changed, when there is no such action, the value makes no sense to it, the
        run forbids it, or it is for the keyboard alone.
        """
        return self._do(name, value, at_the_machine=False)

    def press(self, key: str) -> Action | None:
        """Do what a key of the machine itself stands for; returns its action, None for a key without one.

        Raises ConfigError as ``act`` does.
        """
        if key not in KEYS:
            return None
        name, value = KEYS[key]
        self._do(name, value, at_the_machine=True)
        return ACTIONS.get(name)

    def take(self, event: str) -> int:
        """How often ``event`` (``step``, ``snapshot``, ``quit``) was asked for since it was last taken."""
        with self._lock:
            return self._events.pop(event, 0)

    def _do(self, name: Any, value: Any, *, at_the_machine: bool) -> View:
        with self._lock:
            self._view = self._changed(self._view, name, value, at_the_machine)
            return self._view

    def _changed(self, view: View, name: Any, value: Any, at_the_machine: bool) -> View:
        """``view`` after the action, whose event is counted. The lock is held."""
        if not isinstance(name, str):
            raise ConfigError("an action is named by a text")
        action = ACTIONS.get(name[:40])
        if name in self._choices.forbidden or (action.local and not at_the_machine):
            raise ConfigError(f"{name}: is not allowed here")
        view = action.change(view, value, self._choices)
        if action.event:
            self._events[name] += 1
        return view
