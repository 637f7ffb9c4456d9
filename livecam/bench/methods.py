"""Methods: what each costs beside a bare forward pass of the engine that it runs on."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import numpy as np
from numpy.typing import NDArray

from livecam.bench.backends import PLAIN, Plan, Row, contestants, open_all
from livecam.bench.subjects import Subject
from livecam.bench.timing import interleaved, summary
from livecam.methods import get_method

ENGINES = ("openvino", "torch")  # each method on the first that serves it, as --backend auto chooses
WARMUP, LEAD, CALLS = 2, 1, 1  # some take a second


def measure_methods(subject: Subject, pictures: NDArray[np.uint8], plan: Plan) -> tuple[list[Row], list[str]]:
    """Rows of one network on ``pictures`` (N, H, W, 3) uint8 RGB, and notes of what could not be measured."""
    with ExitStack() as stack:
        backends, notes = open_all(subject, plan, pictures[:1], ENGINES)
        for backend in backends:
            stack.callback(backend.close)
        entries, left = [], list(plan.methods)
        for backend in backends:
            served = [name for name in left if not backend.lacks(get_method(name).needs)]
            left = [name for name in left if name not in served]
            if served:
                entries += contestants(backend, pictures, served)
        notes += [f"{name} not measured for {subject.spec.name}: no backend has what it needs" for name in left]
        seconds = interleaved(
            [entry.contestant for entry in entries], plan.rounds, warmup=WARMUP, lead=LEAD, calls=CALLS
        )
    p50: dict[str, float] = {}
    rows: list[dict[str, Any]] = []
    for entry in entries:
        engine, task = entry.key
        row = entry.row | summary(seconds[entry.contestant.name])
        if task == PLAIN:
            p50[engine] = row["p50_ms"]
        else:
            card = get_method(task)
            row |= {"passes": card.cost, "budget": card.budget}
        row["times_plain"] = round(row["p50_ms"] / p50[engine], 2)
        rows.append({"model": subject.spec.name, "weights": subject.weights, "size": int(pictures.shape[1])} | row)
    return rows, notes
