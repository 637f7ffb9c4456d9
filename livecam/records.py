"""What an explanation says, as JSON goes: for files, and for the pages that show it."""

from __future__ import annotations

from typing import Any

from livecam.types import Detected, Explanation, Faithfulness, Prediction, Vote

SCORE_DECIMALS = 6


def said(explanation: Explanation) -> dict[str, Any]:
    """The explained class and the best classes, without the map: ``class_idx``, ``label``, ``top``; where it was asked
    for, the class that it is held against (``against``), and a ``spot`` with its ``votes``; where it was checked, what
    hiding does to its probability (``faithfulness``); of a detector, what it found (``objects``); of a clip, the
    share of the heat in each moment (``moments``); of a network that was
    never trained, that it was not (``random_weights``)."""
    words: dict[str, Any] = {
        "class_idx": int(explanation.class_idx),
        "label": label(explanation),
        "top": [prediction(one) for one in explanation.top],
    }
    if explanation.against:
        words["against"] = {"class_idx": explanation.against.class_idx, "label": explanation.against.label}
    if explanation.spot:
        words["spot"] = {"x": round(explanation.spot[0], 4), "y": round(explanation.spot[1], 4)}
        words["votes"] = [vote(one) for one in explanation.votes]
    if explanation.faithfulness:
        words["faithfulness"] = checked(explanation.faithfulness)
    if explanation.objects:
        words["objects"] = [detected(one) for one in explanation.objects]
    if explanation.moments:
        words["moments"] = [round(share, SCORE_DECIMALS) for share in explanation.moments]
    if explanation.random_weights:
        words["random_weights"] = True
    return words


def label(explanation: Explanation) -> str | None:
    """The name of the explained class, as far as the explanation knows it."""
    known = (*explanation.top, *([explanation.target] if explanation.target else []))
    return next((one.label for one in reversed(known) if one.class_idx == explanation.class_idx), None)


def detected(one: Detected) -> dict[str, Any]:
    """box: [y0, x0, y1, x1] in fractions of the picture. track: the number that it keeps, null in a still."""
    box = [round(side, 4) for side in one.box]
    return {"track": one.track, **prediction(one.prediction), "box": box}


def checked(one: Faithfulness) -> dict[str, Any]:
    scores = {"before": one.before, "after": one.after, "control": one.control, "share": one.share}
    return {"index": one.frame_index} | {name: round(score, SCORE_DECIMALS) for name, score in scores.items()}


def prediction(one: Prediction) -> dict[str, Any]:
    return {"class_idx": int(one.class_idx), "label": one.label, "score": round(float(one.score), SCORE_DECIMALS)}


def vote(one: Vote) -> dict[str, Any]:
    return {
        "class_idx": one.class_idx,
        "label": one.label,
        "contribution": round(one.contribution, SCORE_DECIMALS),
        "exact": one.exact,
    }
