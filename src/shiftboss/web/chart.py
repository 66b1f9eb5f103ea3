"""The geometry of charts: numbers for an SVG of a hundred by a hundred units that is stretched to fit."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from shiftboss.engines.sidekiq.durations import ENDS
from shiftboss.web.pace import Rate

GAP = 0.28
ROOM = 60


@dataclass(frozen=True, slots=True)
class Bar:
    """One day, one look, or some minutes.

    Args:
        name: What it stands for.
        whole: How many runs or attempts there were.
        part: How many of them failed or were refused.
        x: Where it begins.
        width: How wide it is.
        height: How high it is in all.
        part_height: How high the part is, at its foot.
    """

    name: str
    whole: float
    part: float
    x: float
    width: float
    height: float
    part_height: float


@dataclass(frozen=True, slots=True)
class Chart:
    """Bars from the left to the right, and the number that the top stands for."""

    bars: Sequence[Bar]
    top: int

    @property
    def whole(self) -> float:
        return sum(bar.whole for bar in self.bars)

    @property
    def part(self) -> float:
        return sum(bar.part for bar in self.bars)


def by_day(days: Mapping[date, tuple[int, int]]) -> Chart:
    """A chart of runs and failed runs by day."""
    return _chart([(f"{day:%-d %b}", *counts) for day, counts in sorted(days.items())], len(days))


def by_look(rates: Sequence[Rate], room: int) -> Chart:
    """A chart of runs a second, with room for so many looks; the newest is on the right."""
    return _chart([(f"{rate.ago:.0f} s ago", rate.processed, rate.failed) for rate in rates], room)


def by_minute(minutes: Iterable[tuple[datetime, int, int]], now: datetime, span: int) -> Chart:
    """A chart of minutes, each with how many there were and how many of them are the part; 60 bars of so many minutes each, the
    newest on the right.
    """
    last = round(now.timestamp()) // 60
    wholes, parts = [0] * ROOM, [0] * ROOM
    for at, whole, part in minutes:
        place = ROOM - 1 - (last - round(at.timestamp()) // 60) // span
        if 0 <= place < ROOM:
            wholes[place] += whole
            parts[place] += part
    names = [f"{(ROOM - place - 1) * span} min ago" for place in range(ROOM)]
    return _chart(list(zip(names, wholes, parts, strict=True)), ROOM)


def by_duration(buckets: Sequence[int]) -> Chart:
    """A chart of how many runs took how long, the quickest on the left."""
    names = [f"up to {end / 1000:g} s" for end in ENDS] + [f"above {ENDS[-1] / 1000:g} s"]
    return _chart([(name, runs, 0) for name, runs in zip(names, buckets, strict=False)], len(names))


def _chart(counts: Sequence[tuple[str, float, float]], room: int) -> Chart:
    top = nice(max((whole for _, whole, _ in counts), default=0))
    step = 100 / max(1, room)
    bars = [
        Bar(
            name,
            whole,
            part,
            x=round(step * (room - len(counts) + i + GAP / 2), 3),
            width=round(step * (1 - GAP), 3),
            height=round(100 * whole / top, 3),
            part_height=round(100 * min(part, whole) / top, 3),
        )
        for i, (name, whole, part) in enumerate(counts)
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
