"""The geometry of a chart of runs: numbers for an SVG of a hundred by a hundred units that is stretched to fit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from shiftboss.web.pace import Rate

GAP = 0.28


@dataclass(frozen=True, slots=True)
class Bar:
    """One day, or one look.

    Args:
        name: What it stands for.
        processed: How many runs, failed ones too.
        failed: How many of them failed.
        x: Where it begins.
        width: How wide it is.
        height: How high it is in all.
        failed_height: How high the failed part is, at its foot.
    """

    name: str
    processed: float
    failed: float
    x: float
    width: float
    height: float
    failed_height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars from the left to the right, and the number that the top stands for."""

    bars: Sequence[Bar]
    top: int

    @property
    def processed(self) -> float:
        return sum(bar.processed for bar in self.bars)

    @property
    def failed(self) -> float:
        return sum(bar.failed for bar in self.bars)


def by_day(days: Mapping[date, tuple[int, int]]) -> Chart:
    """A chart of runs and failed runs by day."""
    return _chart([(f"{day:%-d %b}", *counts) for day, counts in sorted(days.items())], len(days))


def by_look(rates: Sequence[Rate], room: int) -> Chart:
    """A chart of runs a second, with room for so many looks; the newest is on the right."""
    return _chart([(f"{rate.ago:.0f} s ago", rate.processed, rate.failed) for rate in rates], room)


def _chart(counts: Sequence[tuple[str, float, float]], room: int) -> Chart:
    top = nice(max((processed for _, processed, _ in counts), default=0))
    step = 100 / max(1, room)
    bars = [
        Bar(
            name,
            processed,
            failed,
            x=round(step * (room - len(counts) + i + GAP / 2), 3),
            width=round(step * (1 - GAP), 3),
            height=round(100 * processed / top, 3),
            failed_height=round(100 * min(failed, processed) / top, 3),
        )
        for i, (name, processed, failed) in enumerate(counts)
    ]
    return Chart(bars, top)


def nice(most: float) -> int:
    """A round number that is not below another: what the top of a chart stands for.

    Example:
        >>> nice(0), nice(7), nice(1_234), nice(45_000)
        (10, 10, 2000, 50000)
    """
    scale = 10
    while scale < most:
        scale *= 10
    return next(top for top in (scale // 10, scale // 5, scale // 2, scale) if top >= most and top >= 10)
