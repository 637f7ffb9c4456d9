"""What is told of a data set: the mean of each measure, its 95 % interval, and that of its difference from a reference.

Intervals are percentiles of the bootstrap (Efron & Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13).
What is drawn are pictures; of videos, whole videos, for the frames of one are not independent. All subjects are given
the same draws, so that differences are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
SEED = 0
SHARE = 95.0

Table = NDArray[np.float64]
"""(N, d): what a measure gave for N pictures."""


def itself(table: Table) -> Table:
    return table


def first(means: Table) -> Table:
    return np.asarray(means[..., 0])


@dataclass(frozen=True, slots=True)
class Figure:
    """A column of the report: ``join`` of the mean over pictures of ``each``.

    name: in JSON. title: for people. field: of the records. each: (N, d) → (N, k), of each picture. join: (…, k) → (…),
    such as the best of several thresholds: of every draw it is found anew.
    """

    name: str
    title: str
    better: Literal["higher", "lower", "neither"]
    field: str
    each: Callable[[Table], Table] = itself
    join: Callable[[Table], Table] = first

    def of(self, table: Table) -> float:
        return float(self.join(self.each(table).mean(0)))


@dataclass(frozen=True, slots=True)
class Estimate:
    """value, and the limits within which it lies in 95 % of the draws."""

    value: float
    low: float
    high: float

    @staticmethod
    def of(value: float, draws: Table) -> Estimate:
        low, high = np.percentile(draws, [(100 - SHARE) / 2, (100 + SHARE) / 2])
        return Estimate(value, float(low), float(high))


@dataclass(frozen=True, slots=True)
class Summary:
    """own: of the figure. beside: of its difference from the reference's. units: how many pictures, or videos, it is
    the mean of. groups: of each video by itself."""

    own: Estimate
    beside: Estimate | None
    units: int
    groups: Mapping[str, float]


def summarise(figure: Figure, groups: Mapping[str, Table], reference: Mapping[str, Table] | None = None) -> Summary:
    """groups: of a subject, video → (N, d). The figure is made of each; of several their mean is taken. reference: the
    same pictures' of another subject, for the difference over the groups that both have.
    """
    value, draws = _drawn(figure, groups)
    beside = None
    if reference:
        # Of other pictures, there is nothing to pair.
        both = [name for name in groups if len(groups[name]) == len(reference.get(name, ()))]
        if both:
            ours, theirs = (_drawn(figure, {name: one[name] for name in both}) for one in (groups, reference))
            beside = Estimate.of(ours[0] - theirs[0], ours[1] - theirs[1])
    each = {name: figure.of(table) for name, table in groups.items()} if len(groups) > 1 else {}
    return Summary(Estimate.of(value, draws), beside, _units(groups), each)


def _drawn(figure: Figure, groups: Mapping[str, Table]) -> tuple[float, Table]:
    """The figure, and the same of every draw."""
    if len(groups) > 1:
        each = np.array([figure.of(table) for table in groups.values()])
        return float(each.mean()), _draws(len(each)) @ each
    (table,) = groups.values()
    return figure.of(table), figure.join(_draws(len(table)) @ figure.each(table))


@cache
def _draws(count: int) -> Table:
    """(DRAWS, count): the share of each picture in each draw of ``count`` with replacement."""
    return np.random.default_rng(SEED).multinomial(count, np.full(count, 1 / count), DRAWS) / count


def _units(groups: Mapping[str, Table]) -> int:
    return len(groups) if len(groups) > 1 else sum(map(len, groups.values()))
