"""How many ticks of a cron entry lie in a gap. To look at each takes too long where they are thousands: days are counted, each with
all times of the day that the expression names, in one stretch after another in which the clock does not jump.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import takewhile
from zoneinfo import ZoneInfo

from croniter import croniter

from .cron import AROUND, Cron, jump_between, offset_of, zone_of

SECOND = timedelta(seconds=1)


def count_between(cron: Cron, zone: str, after: int, end: int) -> int:
    """How many instants of an expression lie between two.

    Args:
        cron: The expression.
        zone: Whose wall clock it is read on.
        after: One of its instants, which is not counted; epoch seconds.
        end: Epoch seconds.
    """
    place = zone_of(zone)
    begin, since = after, _wall(after, place) + SECOND
    counted, passed = 0, datetime.min  # noqa: DTZ901  on the wall
    for jump in _jumps(place, after, end):
        until, resumed = _wall(jump, place, offset_of(begin, place)), _wall(jump, place)
        counted += _on_the_wall(cron, max(since, passed), until)
        if cron.is_fixed:
            # What is skipped comes once, together with what comes then anyway; what is repeated does not come again.
            is_skipped = _on_the_wall(cron, until, resumed) and not _on_the_wall(cron, resumed, resumed + SECOND)
            counted += bool(is_skipped)
            passed = until
        begin, since = jump, resumed
    return counted + _on_the_wall(cron, max(since, passed), _wall(end, place, offset_of(begin, place)))


def _jumps(zone: ZoneInfo, after: int, end: int) -> Iterator[int]:
    """The instants between two at which the clock jumps."""
    while after < end - 1:
        later = min(after + AROUND, end - 1)
        if offset_of(after, zone) != offset_of(later, zone):
            yield jump_between(after, later, zone)
        after = later


def _wall(instant: int, zone: ZoneInfo, offset: timedelta | None = None) -> datetime:
    """What the wall clock says; or would say, had it still that offset."""
    offset = offset_of(instant, zone) if offset is None else offset
    return datetime.fromtimestamp(instant, UTC).replace(tzinfo=None) + offset


def _on_the_wall(cron: Cron, begin: datetime, end: datetime) -> int:
    """How many matches there are from a moment on until before another, on a clock that never jumps."""
    if begin >= end:
        return 0
    minute, hour, *days = cron.fields.split()
    times = _times(minute, hour, cron.seed)
    there = _days(" ".join(days), cron.seed, begin.toordinal(), end.toordinal())
    counted = len(there) * len(times)
    if there and there[0] == begin.toordinal():
        counted -= _before(times, begin)
    if there and there[-1] == end.toordinal():
        counted -= len(times) - _before(times, end)
    return counted


def _before(times: Sequence[int], moment: datetime) -> int:
    """How many of the times of a day come before a moment of it."""
    return bisect_left(times, moment.hour * 60 + moment.minute + (moment.second > 0))


@lru_cache(maxsize=4_096)
def _times(minute: str, hour: str, seed: str) -> Sequence[int]:
    """The minutes of the day that two fields name, in order."""
    fields, _ = croniter.expand(f"{minute} {hour} * * *", hash_id=seed.encode() or None)
    minutes, hours = ((range(most) if field == ["*"] else field) for field, most in zip(fields, (60, 24), strict=False))
    return tuple(sorted({int(h) * 60 + int(m) for h in hours for m in minutes}))


@lru_cache(maxsize=4_096)
def _days(fields: str, seed: str, first: int, last: int) -> Sequence[int]:
    """The ordinals of the days that three fields name, from one to another, in order."""
    if fields == "* * *":
        return range(first, last + 1)
    before = datetime.fromordinal(first) - SECOND
    matches = Cron("", f"0 0 {fields}", seed).on_the_wall(before)
    return tuple(takewhile(lambda day: day <= last, (match.toordinal() for match in matches)))
