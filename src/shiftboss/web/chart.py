"""The geometry of a chart of runs by day: numbers for an SVG of a hundred by a hundred units that is stretched to fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

GAP = 0.28


@dataclass(frozen=True, slots=True)
class Bar:
    """One day.

    Args:
        day: Which.
        processed: How many runs, failed ones too.
        failed: How many of them failed.
        x: Where it begins.
        width: How wide it is.
        height: How high it is in all.
        failed_height: How high the failed part is, at its foot.
    """

    day: date
    processed: int
    failed: int
    x: float
    width: float
    height: float
    failed_height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """All days, the first on the left, and the number that the top stands for."""

    bars: Sequence[Bar]
    top: int

    @property
    def processed(self) -> int:
        return sum(bar.processed for bar in self.bars)

    @property
    def failed(self) -> int:
        return sum(bar.failed for bar in self.bars)


def chart(days: Mapping[date, tuple[int, int]]) -> Chart:
    """A chart of runs and failed runs by day."""
    top = nice(max((processed for processed, _ in days.values()), default=0))
    step = 100 / max(1, len(days))
    bars = [
        Bar(day, processed, failed, *(round(n, 3) for n in (step * (i + GAP / 2), step * (1 - GAP))), *heights)
        for i, (day, (processed, failed)) in enumerate(sorted(days.items()))
        for heights in [[round(100 * n / top, 3) for n in (processed, min(failed, processed))]]
    ]
    return Chart(bars, top)


def nice(most: int) -> int:
    """A round number that is not below another: what the top of a chart stands for.

    Example:
        >>> nice(0), nice(7), nice(1_234), nice(45_000)
        (10, 10, 2000, 50000)
    """
    scale = 10
    while scale < most:
        scale *= 10
    return next(top for top in (scale // 10, scale // 5, scale // 2, scale) if top >= most and top >= 10)
