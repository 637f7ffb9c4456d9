"""What an explanation says, as JSON goes: for files, and for the pages that show it."""

from __future__ import annotations

from typing import Any

from livecam.types import Explanation, Prediction

SCORE_DECIMALS = 6


def said(explanation: Explanation) -> dict[str, Any]:
    """The explained class and the best classes, without the map: ``class_idx``, ``label``, ``top``."""
    target = explanation.target
    labels = {one.class_idx: one.label for one in (*explanation.top, *([target] if target else []))}
    return {
        "class_idx": int(explanation.class_idx),
        "label": labels.get(explanation.class_idx),
        "top": [prediction(one) for one in explanation.top],
    }


def prediction(one: Prediction) -> dict[str, Any]:
    return {"class_idx": int(one.class_idx), "label": one.label, "score": round(float(one.score), SCORE_DECIMALS)}
