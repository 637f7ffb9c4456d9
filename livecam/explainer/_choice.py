"""What an explainer is asked for: which method, which class, and held against which."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from livecam.backends import Backend
from livecam.errors import ConfigError
from livecam.heat import Normalise
from livecam.methods import MethodCard, get_method
from livecam.tap import Need
from livecam.tasks import Task
from livecam.types import Question


def lacking(card: MethodCard, backend: Backend, task: Task) -> frozenset[Need]:
    """What the method needs, and the backend or the task does not have."""
    return backend.lacks(card.needs) | (task.lacks & card.needs)


def fitting(card: MethodCard, backend: Backend, task: Task, normalise: Normalise) -> MethodCard:
    """The method, or what the backend has in Grad-CAM's place for this network. Raises ConfigError where the backend or
    the task does not have what the method needs, or its maps do not suit ``normalise``."""
    substitute = getattr(backend, "substitute", None)
    if card.name == "gradcam" and substitute:
        card = get_method(substitute)
    elif missing := lacking(card, backend, task):
        # A foreign network runs nowhere else, and another backend does not change how a network ends.
        helps = Need.AUTOGRAD in missing and not hasattr(backend, "substitute")
        remedy = "--backend torch" if helps else "another --method; see 'livecam methods'"
        raise ConfigError(
            f"--method {card.name} needs {' and '.join(sorted(missing))}, which there is not here; use {remedy}"
        )
    if normalise == "logit" and not card.logits:
        raise ConfigError(f"--normalise logit: maps of {card.name} are in no logits; use peak, percentile or minmax")
    return card


def class_named(name: str | int, labels: tuple[str, ...], model: str) -> int:
    """Index of a class given by index or by (a part of) its name. Raises ConfigError."""
    if isinstance(name, int) or name.isdecimal():
        return class_checked(int(name), len(labels), model)
    wanted = name.casefold()
    hits = [number for number, label in enumerate(labels) if label.casefold() == wanted]
    hits = hits or [number for number, label in enumerate(labels) if wanted in label.casefold()]
    if len(hits) == 1:
        return hits[0]
    if not hits:
        raise ConfigError(f"no class {name!r} in {model}; see 'livecam models {model} --labels'")
    some = ", ".join(f"{number} {labels[number]!r}" for number in hits[:5])
    raise ConfigError(f"class {name!r} is one of {len(hits)}: {some}; give its index")


def class_checked(class_idx: int, classes: int, model: str) -> int:
    """``class_idx``, if there is such a class. Raises ConfigError."""
    if not 0 <= class_idx < classes:
        raise ConfigError(f"class {class_idx} does not exist: {model} has classes 0 to {classes - 1}")
    return class_idx


def rival(question: Question, method: MethodCard, logits: NDArray[np.float32], chosen: int, model: str) -> int | None:
    """The class that ``chosen`` is held against, if one is. Raises ConfigError."""
    if question.against is None or not method.of_class or len(logits) < 2:
        return None
    if question.against == "runner-up":
        return next(int(one) for one in best(logits) if one != chosen)
    other = class_checked(question.against, len(logits), model)
    return None if other == chosen else other


def best(values: NDArray[np.float32]) -> NDArray[np.intp]:
    """Indices of (C,) values, the largest first."""
    return np.argsort(-values, kind="stable")
