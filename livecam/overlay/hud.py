"""What is written on a picture: the predictions, a status line, badges. Small patches only, drawn in place.

Every measure follows from one number, the type size, which follows from the shorter side of the picture.
What does not fit is left out, the least important first, never squeezed.
"""

from __future__ import annotations

from dataclasses import dataclass

from livecam.overlay.colormap import DEFAULT_COLORMAP
from livecam.overlay.moments import draw_moments
from livecam.overlay.panel import draw_panel, percentage
from livecam.overlay.pills import SEPARATOR, Look, PillRow
from livecam.types import Faithfulness, Picture, Prediction

STATUS = Look((222, 225, 230))
AGED = Look((255, 200, 104), weight=500, whole=True)
ALERT = Look((255, 255, 255), weight=700, ink=(186, 24, 36), opacity=0.94)

_TYPE_SHARE = 1 / 38  # of the shorter side
_TYPE_MIN = 11  # below this size the typeface is not legible
_SILENT_AGE_S = 0.005


@dataclass(frozen=True, slots=True)
class Hud:
    """The words of one picture.

    top: predictions, best first, and ``class_idx``, the explained one of them. status, notice: "" for none.
    age_s: seconds by which the explanation is older than the picture; None, or next to nothing, is not shown.
    question: what is asked beyond the class, e.g. "Egyptian cat, not tabby"; "" for nothing.
    faithfulness: what became of the explained class when the hottest part was hidden; None: not known.
    moments: of a clip, how much each moment of it matters, oldest first.
    colormap: whose colours mark the explained class and fill the legend.
    """

    top: tuple[Prediction, ...] = ()
    class_idx: int | None = None
    status: str = ""
    notice: str = ""
    age_s: float | None = None
    colormap: str = DEFAULT_COLORMAP
    question: str = ""
    faithfulness: Faithfulness | None = None
    moments: tuple[float, ...] = ()


def draw_hud(image: Picture, hud: Hud) -> None:
    """Draw ``hud`` into ``image``, in place: (H, W, 3) uint8 RGB, or planes that nobody else has.

    One too small for legible type stays as it is.
    """
    size = type_size(image.shape[:2])
    margin = size * 2 // 3
    row = pill_row(image)
    row.add_right(hud.notice, ALERT)
    row.add_right(age_text(hud.age_s), AGED)
    row.add_left(hud.question, AGED)
    row.add_left(hud.status, STATUS)
    top = draw_panel(image, hud.top, hud.class_idx, hud.colormap, size=size, margin=margin, above=row.bottom)
    if top is not None and hud.moments:
        draw_moments(image, hud.moments, hud.colormap, x=margin, bottom=top - row.size // 2, size=size)
    if top is not None and hud.faithfulness is not None:
        # Above the panel: its rows stay where they are when this comes and goes.
        check = PillRow(image, row.size, margin, y=top - row.size // 2 - row.height)
        if check.y >= row.bottom + margin:
            check.add_left(faithfulness_text(hud.faithfulness), STATUS)


def pill_row(image: Picture) -> PillRow:
    """The HUD's row of pills at the top of ``image``, still empty."""
    size = type_size(image.shape[:2])
    return PillRow(image, max(_TYPE_MIN, round(size * 0.86)), size * 2 // 3)


def type_size(size: tuple[int, int]) -> int:
    """Type size in pixels for a picture of ``size`` (H, W).

    >>> type_size((720, 1280)), type_size((120, 160))
    (19, 11)
    """
    return max(_TYPE_MIN, round(min(size) * _TYPE_SHARE))


def faithfulness_text(found: Faithfulness) -> str:
    """What became of the explained class, in words.

    >>> faithfulness_text(Faithfulness(0, 1, before=0.874, after=0.12, control=0.86, share=0.25))
    'hottest quarter hidden: 87% → 12% · a cold one: 86%'
    """
    before, after, control = (percentage(score) for score in (found.before, found.after, found.control))
    return f"hottest quarter hidden: {before} → {after}{SEPARATOR}a cold one: {control}"


def age_text(age_s: float | None) -> str:
    """How old the map is, in words; "" when it belongs to the picture.

    >>> age_text(0.1234), age_text(2.5), age_text(0.0)
    ('map 120 ms old', 'map 2.5 s old', '')
    """
    if age_s is None or not age_s >= _SILENT_AGE_S:
        return ""
    # Tens of milliseconds: a last digit that changes with every picture only distracts.
    return f"map {max(1, round(age_s * 100)) * 10} ms old" if age_s < 0.995 else f"map {age_s:.1f} s old"
