"""A picture and its explanation → one picture: heat, then words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from livecam.geometry import outlines
from livecam.overlay.blend import DEFAULT_ALPHA, DEFAULT_MODE, blend, working_size
from livecam.overlay.blend_planes import blend_planes
from livecam.overlay.colormap import DEFAULT_COLORMAP
from livecam.overlay.contours import outline
from livecam.overlay.hud import Hud, draw_hud, type_size
from livecam.overlay.objects import draw_objects
from livecam.overlay.panel import STRONG
from livecam.overlay.pills import SEPARATOR
from livecam.overlay.tint import tint
from livecam.planes import Planes
from livecam.types import Explanation, Picture, Prediction, rgb

if TYPE_CHECKING:
    from livecam.overlay.blend_device import DeviceBlend

FAINTEST = 0.5
"""Share of the opacity that is left to a class with a probability of 0."""

RANDOM = "RANDOM WEIGHTS"
"""Stands on every picture of an untrained network, also where nothing else is written."""

_CONFIDENCE_STEPS = 32  # the tables of a step are computed once; a step is too small to be seen


@dataclass(frozen=True, slots=True)
class Style:
    """How pictures are annotated. colormap, alpha and mode as in ``blend``; hud: whether anything is written."""

    colormap: str = DEFAULT_COLORMAP
    alpha: float = DEFAULT_ALPHA
    mode: str = DEFAULT_MODE
    hud: bool = True


def confidence(explanation: Explanation) -> float:
    """Share in [FAINTEST, 1] of the opacity that the explained class deserves: FAINTEST + (1 - FAINTEST) * sqrt(p).

    p is its softmax probability; of a class of which nothing is known, that of the last of ``top``, which it cannot
    exceed. The root keeps the many classes between 20 and 90 % alike and lets only guesses fade.
    """
    rows = predictions(explanation)
    scores = [p.score for p in rows if p.class_idx == explanation.class_idx]
    scores = scores or [p.score for p in rows[-1:]] or [1.0]
    share = FAINTEST + (1.0 - FAINTEST) * math.sqrt(min(max(scores[0], 0.0), 1.0))
    return round(share * _CONFIDENCE_STEPS) / _CONFIDENCE_STEPS


def predictions(explanation: Explanation) -> tuple[Prediction, ...]:
    """``top``; an explained class beyond it takes the last row, so that the number of rows stays the same."""
    top, target = explanation.top, explanation.target
    if target is None or any(p.class_idx == target.class_idx for p in top):
        return top
    return (*top[:-1], target)


def contrast(explanation: Explanation) -> str:
    """What the explained class is held against, in words; "" when against nothing."""
    if explanation.against is None or explanation.target is None:
        return ""
    # Of labels such as "tabby, tabby cat", which list synonyms, the first.
    this, other = (one.label.partition(",")[0] for one in (explanation.target, explanation.against))
    return f"{this}, not {other}"


class Painter:
    """Annotates pictures in one style. Keeps no state from one picture to the next: equal input gives equal bytes.

    device: where RGB pictures are blended: on ``cuda`` and ``cuda:N`` there, elsewhere on the CPU.
    Raises ConfigError or UnknownName for a style that cannot be drawn.
    """

    def __init__(self, style: Style | None = None, device: str = "cpu") -> None:
        self.style = style or Style()
        tint(self.style.colormap, self.style.alpha, self.style.mode)  # fails here rather than at the first picture
        self._on_device: DeviceBlend | None = None
        if device.partition(":")[0] == "cuda":
            from livecam.overlay.blend_device import DeviceBlend  # loads PyTorch

            self._on_device = DeviceBlend(device)

    def paint(
        self,
        image: Picture,
        explanation: Explanation | None,
        *,
        quality: int = 0,
        status: str = "",
        notice: str = "",
        age_s: float | None = None,
    ) -> Picture:
        """A new picture: ``image`` (same shape, never changed) with heat and words.

        image: (H, W, 3) uint8 RGB, or planes: these give planes, where the mode adds light RGB.
        explanation: None draws the words only. quality: 0 (best) to 3, see ``blend``. status: one line, e.g. model,
        method and rate. notice: a red badge, e.g. ``REC``. age_s: seconds by which the explanation is older than the
        picture. Raises ConfigError on wrong arguments.
        """
        out = self._heat(image, explanation, quality) if explanation else image.copy()
        if explanation:
            self._things(out, explanation)
        untrained = RANDOM if explanation and explanation.random_weights else ""
        notice = SEPARATOR.join(filter(None, (untrained, notice)))
        if not self.style.hud:
            draw_hud(out, Hud(notice=untrained))
        else:
            top, class_idx = (predictions(explanation), explanation.class_idx) if explanation else ((), None)
            question = contrast(explanation) if explanation else ""
            found = explanation.faithfulness if explanation else None
            moments = explanation.moments if explanation else ()
            draw_hud(out, Hud(top, class_idx, status, notice, age_s, self.style.colormap, question, found, moments))
        return out

    def _things(self, out: Picture, explanation: Explanation) -> None:
        if explanation.mask is not None:
            polygons = outlines(explanation.mask, explanation.region)
            outline(out, polygons, STRONG, max(2, type_size(out.shape[:2]) // 8))
        draw_objects(out, explanation.objects, words=self.style.hud)

    def _heat(self, image: Picture, explanation: Explanation, quality: int) -> Picture:
        alpha = self.style.alpha * confidence(explanation)
        if isinstance(image, Planes) and self.style.mode == "alpha":
            heatmap = explanation.heatmap(working_size(image.shape[:2], max(quality, 1)), guide=image)
            return blend_planes(image, heatmap, colormap=self.style.colormap, alpha=alpha)
        image = rgb(image)  # light that is added saturates each colour for itself: planes cannot say that
        if self._on_device is not None:
            # Half the size: the device interpolates better than it is fed.
            heatmap = explanation.heatmap(working_size(image.shape[:2], max(quality, 1)), guide=image)
            return self._on_device(image, heatmap, colormap=self.style.colormap, alpha=alpha, mode=self.style.mode)
        heatmap = explanation.heatmap(working_size(image.shape[:2], quality), guide=image)
        return blend(image, heatmap, colormap=self.style.colormap, alpha=alpha, mode=self.style.mode, quality=quality)
