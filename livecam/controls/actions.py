"""The one table of what a viewer can do: keys of a window and messages of a browser mean the same.

An action makes a View of a View, or is an event that somebody waits for, or both.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from livecam.controls.choices import Choices
from livecam.controls.view import RUNNER_UP, HudLevel, View
from livecam.errors import ConfigError
from livecam.registry import Registry

HUD_LEVELS: tuple[HudLevel, ...] = ("full", "compact", "off")
WORST = 3  # quality
RANKS = 5
OPACITY_STEP = 0.1
_CAPS = {" ": "Space", "\x1b": "Esc", "-": "−"}
_SHOWN = 40  # characters of a senseless value that an error repeats

Change = Callable[[View, Any, Choices], View]


def unchanged(view: View, value: Any, choices: Choices) -> View:
    if value is not None:
        raise ConfigError(f"{_short(value)}: this action takes no value")
    return view


@dataclass(frozen=True, slots=True)
class Action:
    """keys: what is typed → the value that it stands for; ``Esc`` is "\\x1b". words: of the help. change: pure; raises
    ConfigError when the value makes no sense. event: whether it is also counted, for ``Controls.take``. local: for
    whoever sits at the machine; a browser may not.
    """

    name: str
    words: str
    keys: Mapping[str, Any] = field(default_factory=dict)
    change: Change = unchanged
    event: bool = False
    local: bool = False

    @property
    def caps(self) -> tuple[str, ...]:
        """What is written on its keys, for a help: the first key of each value, several digits as one range.

        >>> ACTIONS.get("pause").caps, ACTIONS.get("explain").caps, ACTIONS.get("quality").caps
        (('Space',), ('1–5',), ('−', '=', 'A'))
        """
        first = {value: key for key, value in reversed(list(self.keys.items()))}
        keys = [key for key in self.keys if key in first.values()]
        if len(keys) > 1 and all(key.isdecimal() for key in keys):
            return (f"{keys[0]}–{keys[-1]}",)
        return tuple(_CAPS.get(key, key.upper()) for key in keys)


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"


def _step(view: View, value: Any, choices: Choices) -> View:
    return replace(unchanged(view, value, choices), paused=True)


def _switch(name: str) -> Change:
    """A field that is on or off. No value: the other one."""

    def change(view: View, value: Any, choices: Choices) -> View:
        if value is not None and not isinstance(value, bool):
            raise ConfigError(f"{name}: {_short(value)} is not true or false")
        wish: dict[str, Any] = {name: not getattr(view, name) if value is None else value}
        return replace(view, **wish)

    return change


def _next_of(name: str, known: Callable[[Choices], tuple[str, ...]]) -> Change:
    """A field that names one of several. No value: the next one."""

    def change(view: View, value: Any, choices: Choices) -> View:
        names = known(choices)
        if not names:
            raise ConfigError(f"{name}: there is nothing to choose from in this run")
        if value is None:
            now = getattr(view, name) or getattr(choices, name, None)
            value = names[(names.index(now) + 1) % len(names)] if now in names else names[0]
        if not isinstance(value, str) or value not in names:
            raise ConfigError(f"{name}: {_short(value)} is not one of {', '.join(names)}")
        wish: dict[str, Any] = {name: value}
        return replace(view, **wish)

    return change


def _opacity(view: View, value: Any, choices: Choices) -> View:
    """A number in [0, 1], or "-" or "+" for a step."""
    alpha = choices.alpha if view.alpha is None else view.alpha
    if value in ("-", "+"):
        alpha += OPACITY_STEP if value == "+" else -OPACITY_STEP
        return replace(view, alpha=round(min(max(alpha, 0.0), 1.0), 3))
    return replace(view, alpha=_number("opacity", value, 0.0, 1.0))


def _quality(view: View, value: Any, choices: Choices) -> View:
    """0 (best) to 3, "-" or "+" for a step from the one in use, "auto" as the run was started."""
    if value == "auto":
        return replace(view, quality=None)
    if value in ("-", "+"):
        level = (choices.level if view.quality is None else view.quality) + (1 if value == "-" else -1)
        return replace(view, quality=min(max(level, 0), WORST))
    return replace(view, quality=_index("quality", value, 0, WORST))


def _rank(view: View, value: Any, choices: Choices) -> View:
    """1 for the best class; whatever was locked is let go."""
    last = min(RANKS, choices.classes or RANKS)
    return replace(view, rank=_index("explain", value, 1, last), locked=None)


def _lock(view: View, value: Any, choices: Choices) -> View:
    """A class, "off"; no value: the class explained now, or off when one is locked."""
    if value == "off" or (value is None and view.locked is not None):
        return replace(view, locked=None)
    if value is None:
        if choices.explained is None:
            raise ConfigError("lock: no class is explained yet")
        return replace(view, locked=choices.explained)
    return replace(view, locked=_class("lock", value, choices))


def _contrast(view: View, value: Any, choices: Choices) -> View:
    """A class, "runner-up", "off"; no value: the runner-up, or off when there is a contrast."""
    if value == "off" or (value is None and view.against is not None):
        return replace(view, against=None)
    if value is None or value == RUNNER_UP:
        return replace(view, against=RUNNER_UP)
    return replace(view, against=_class("contrast", value, choices))


def _spot(view: View, value: Any, choices: Choices) -> View:
    """[x, y] as fractions of the source's picture; "off" or no value: none."""
    if value is None or value == "off":
        return replace(view, spot=None)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise ConfigError(f"spot: {_short(value)} is not two fractions of the picture, x and y")
    x, y = (_number("spot", one, 0.0, 1.0) for one in value)
    return replace(view, spot=(x, y))


def _enlarge(view: View, value: Any, choices: Choices) -> View:
    """A camera by its number from 0 or by a point in the picture, "off" for all of them; no value: the next one, after
    the last one all of them."""
    tiles = choices.tiles
    if not tiles:
        raise ConfigError("enlarge: there is one camera only")
    if value is None:
        value = 0 if view.enlarged is None else view.enlarged + 1
        return replace(view, enlarged=value if value < len(tiles) else None)
    if value == "off":
        return replace(view, enlarged=None)
    if isinstance(value, list | tuple) and len(value) == 2:
        x, y = (_number("enlarge", one, 0.0, 1.0) for one in value)
        at = [number for number, (y0, x0, y1, x1) in enumerate(tiles) if x0 <= x < x1 and y0 <= y < y1]
        return replace(view, enlarged=at[0] if at else None)
    return replace(view, enlarged=_index("enlarge", value, 0, len(tiles) - 1))


def _number(name: str, value: Any, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not (least <= value <= most):
        raise ConfigError(f"{name}: {_short(value)} is not a number from {least:g} to {most:g}")
    return float(value)


def _index(name: str, value: Any, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise ConfigError(f"{name}: {_short(value)} is not a whole number from {least} to {most}")
    return value


def _class(name: str, value: Any, choices: Choices) -> int:
    if value == choices.explained and isinstance(value, int) and not isinstance(value, bool):
        return value
    if choices.classes == 0:
        raise ConfigError(f"{name}: the classes of this run are not known")
    return _index(name, value, 0, choices.classes - 1)


def _recording(view: View, value: Any, choices: Choices) -> View:
    if not choices.recording:
        raise ConfigError("record: there is nothing to record into; start with -o FILE.mp4")
    return _switch("recording")(view, value, choices)


ACTIONS: Registry[Action] = Registry("action")
for _action in (
    Action("pause", "pause, and go on", {" ": None, "p": None}, _switch("paused")),
    Action("step", "one picture on", {".": None}, _step, event=True),
    Action("snapshot", "keep this picture", {"s": None}, event=True),
    Action("record", "recording on, off", {"r": None}, _recording),
    Action("explain", "explain the 1st … 5th class", {str(rank): rank for rank in range(1, RANKS + 1)}, _rank),
    Action("lock", "hold on to this class", {"l": None}, _lock),
    Action("contrast", "why this and not the next", {"v": None}, _contrast),
    Action("spot", "what a spot votes for", {}, _spot),
    Action("method", "next method", {"n": None}, _next_of("method", lambda of: of.methods)),
    Action("smooth", "steady maps on, off", {"t": None}, _switch("smooth")),
    Action("hud", "labels: all, few, none", {"i": None}, _next_of("hud", lambda of: HUD_LEVELS)),
    Action("mirror", "mirror image", {"m": None}, _switch("mirror")),
    Action("colormap", "next colours", {"c": None}, _next_of("colormap", lambda of: of.colormaps)),
    Action("opacity", "fainter, stronger heat", {"[": "-", "]": "+"}, _opacity),
    Action("quality", "coarser, finer, automatic", {"-": "-", "=": "+", "+": "+", "a": "auto"}, _quality),
    Action("enlarge", "next camera, all", {"e": None, "w": "off"}, _enlarge),
    Action("fullscreen", "full screen", {"f": None}, local=True),
    Action("help", "these keys", {"h": None, "?": None}, _switch("help")),
    Action("quit", "end", {"q": None, "\x1b": None}, event=True, local=True),
):
    ACTIONS.add(_action.name, _action)

KEYS: dict[str, tuple[str, Any]] = {
    key: (name, value) for name in ACTIONS for key, value in ACTIONS.get(name).keys.items()
}
"""What is typed → (name of the action, its value)."""
