"""Curves and bars of a report, as PNG. Needs Matplotlib: pip install 'livecam[evaluate]'."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from livecam.errors import MissingExtra, SinkError
from livecam.evaluation.report import ARROWS, Report, short
from livecam.evaluation.subjects import BASELINES, PEERS

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def check_installed() -> None:
    """Raises MissingExtra: better now than after hours of measuring."""
    try:
        import matplotlib  # noqa: F401
    except ModuleNotFoundError as error:
        raise MissingExtra(
            "Matplotlib is not installed, and --plots needs it: pip install 'livecam[evaluate]'"
        ) from error


def draw(report: Report, folder: Path) -> list[Path]:
    """``MEASURE.png``, the figures as bars with their intervals, and ``MEASURE-CURVE.png``, into ``folder``.

    Raises MissingExtra, SinkError.
    """
    check_installed()
    drawn = []
    for section in report["sections"]:
        drawn.append((folder / f"{section['measure']}.png", _bars(report, section)))
        drawn += [
            (folder / f"{section['measure']}-{name}.png", _lines(report, curve))
            for name, curve in section["curves"].items()
        ]
    for path, figure in drawn:
        try:
            figure.savefig(path, dpi=150)
        except OSError as error:
            raise SinkError(f"{path}: cannot be written ({error.strerror}); give another -o") from error
    return [path for path, _ in drawn]


def _bars(report: Report, section: dict[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    names = list(section["subjects"])[::-1]  # the first on top
    figures = section["figures"]
    figure = Figure((2.2 + 2.3 * len(figures), 1.2 + 0.32 * len(names)), layout="constrained")
    axes = figure.subplots(1, len(figures), sharey=True, squeeze=False)[0]
    for axis, (key, told) in zip(axes, figures.items(), strict=True):
        for place, name in enumerate(names):
            cell = section["subjects"][name].get(key)
            if cell is not None:
                spread = [[cell["value"] - cell["low"]], [cell["high"] - cell["value"]]]
                axis.barh(place, cell["value"], xerr=spread, color=_colour(names, name), ecolor="0.2", capsize=2)
        axis.set_title(f"{told['title']}{ARROWS[told['better']]}", fontsize=9)
        axis.tick_params(labelsize=8)
        axis.spines[["top", "right"]].set_visible(False)
    axes[0].set_yticks(range(len(names)), [short(report, name) for name in names])
    return figure


def _lines(report: Report, curve: dict[str, Any]) -> Figure:
    from matplotlib.figure import Figure

    figure = Figure((7.6, 4.2), layout="constrained")
    axis = figure.subplots()
    names = list(curve["subjects"])[::-1]
    for name, line in curve["subjects"].items():
        axis.plot(curve["x"], line, label=short(report, name), color=_colour(names, name), linestyle=_style(name))
    axis.set(xlabel=curve["over"], ylabel=curve["title"], xlim=(min(curve["x"]), max(curve["x"])))
    axis.set_ylim(0)
    axis.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside right upper", fontsize=8, frameon=False)
    return figure


def _style(name: str) -> str:
    """Dashed where a line may lie on another one: peers have the map of our plain Grad-CAM."""
    return "--" if name.endswith(PEERS) else "-"


def _colour(names: list[str], name: str) -> str:
    """The same for a subject in every plot; grey for those that know nothing."""
    knowing = [one for one in names[::-1] if not one.endswith(BASELINES)]
    return f"C{knowing.index(name) % 10}" if name in knowing else ("0.6" if name.endswith(BASELINES[0]) else "0.8")
