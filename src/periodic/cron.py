"""What a cron expression means: five fields on the wall clock of a zone, and what becomes of them where that clock jumps.

- A fixed time (minute and hour do not begin with ``*``) that the clock skips runs once, at the end of the gap; one that it
  repeats runs once, on the first pass.
- A wildcard or step entry follows the clock: nothing in the gap, both passes of the repeated hour.

croniter finds the next match of the fields, on a clock that never jumps; the jumps are dealt with here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from heapq import merge
from itertools import groupby
from zoneinfo import ZoneInfo

from croniter import CroniterBadDateError, CroniterError, croniter

from shiftboss.errors import ScheduleError

LONGEST = 256
ALIASES = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# Croniter draws it by chance, in each process anew. In months and days the letter alone also begins or ends names.
_RANDOM = re.compile(r"R(\(.*\))?(/.*)?", re.IGNORECASE)
# Days that are found by counting in the month.
_ODD = re.compile(r"[#L]", re.IGNORECASE)
_SINGLE = re.compile(r"\b(\w+)-\1(?:/\d+)?\b", re.IGNORECASE)
FIELDS = ("minute", "hour", "day of the month", "month", "day of the week")
# How many days there are, by the number of their field.
DAYS = {2: 31, 4: 7}
# Seconds within which no clock jumps twice; and none jumps by more.
AROUND = 26 * 3600
FIRST = datetime(2024, 1, 1)  # noqa: DTZ001  on the wall


@dataclass(frozen=True, slots=True)
class Cron:
    """An expression that was checked. Use `parse`.

    Args:
        text: As it was written.
        fields: Five fields, with aliases replaced.
        seed: What ``H`` stands for depends on it: the entry's name.
    """

    text: str
    fields: str
    seed: str

    @property
    def is_fixed(self) -> bool:
        """Whether it names times of the day, rather than following the clock."""
        minute, hour, *_ = self.fields.split()
        return not minute.startswith("*") and not hour.startswith("*")

    @property
    def restricts_both_days(self) -> bool:
        """Whether either day of the month or day of the week is enough, which surprises many."""
        _, _, of_month, _, of_week = self.fields.split()
        return of_month != "*" and of_week != "*"

    def on_the_wall(self, after: datetime) -> Iterator[datetime]:
        """All matches later than a moment, on a clock that never jumps.

        Raises:
            CroniterBadDateError: There is none.
        """
        minute, hour, of_month, month, of_week = self.fields.split()
        if not (self.restricts_both_days and _ODD.search(of_month + of_week)):
            yield from _matches(self.fields, after, self.seed)
        # croniter leaves one of two such days out, or wants both.
        alone = (f"{minute} {hour} {of_month} {month} *", f"{minute} {hour} * {month} {of_week}")
        either = merge(*(_if_any(_matches(fields, after, self.seed)) for fields in alone))
        yield from (match for match, _ in groupby(either))
        raise CroniterBadDateError(f"{self.fields}: no such date ever comes")


def _matches(fields: str, after: datetime, seed: str) -> Iterator[datetime]:
    found = croniter(fields, after, ret_type=datetime, hash_id=seed)
    while True:
        yield found.get_next()


def _if_any(matches: Iterator[datetime]) -> Iterator[datetime]:
    with suppress(CroniterBadDateError):
        yield from matches


def read(text: str, seed: str) -> Cron:
    """An expression that was checked before. See `parse`."""
    # croniter reads a range from a value to itself as all values.
    parts = _SINGLE.sub(r"\1", ALIASES.get(text.strip().lower(), text.strip())).split()
    for number, days in DAYS.items():
        if len(parts) == len(FIELDS) and _names_every(number, parts[number], days):
            parts[number] = "*"
    fields = " ".join(parts)
    # Where nothing depends on the seed, entries with one expression share what is worked out.
    return Cron(text, fields, seed if "H" in fields.upper() else "")


def _names_every(number: int, part: str, days: int) -> bool:
    """Whether a field of days leaves none out, and so restricts nothing. croniter knows that of some such fields only."""
    if part == "*" or part.isdigit():
        return part == "*"
    alone = ["*"] * len(FIELDS)
    alone[number] = part
    try:
        values, nth = croniter.expand(" ".join(alone))
    except (CroniterError, ValueError, KeyError, IndexError):
        return False
    return not nth and (values[number] == ["*"] or len(set(values[number])) == days)


def parse(text: object, seed: str) -> Cron:
    """The expression, if it is one.

    Args:
        text: Five fields, or an alias such as ``@daily``.
        seed: The entry's name.

    Raises:
        ScheduleError: Says what was read and where it broke.
    """
    if not isinstance(text, str) or not text.strip():
        raise ScheduleError(f"expected cron to be five fields, such as '0 3 * * mon-fri', got {text!r:.100}")
    if len(text) > LONGEST:
        raise ScheduleError(f"expected cron to be at most {LONGEST} characters, got {len(text)}")
    fields = ALIASES.get(text.strip().lower(), text.strip())
    if fields.startswith("@"):
        hint = (
            "a worker has no start that happens once"
            if fields.lower() == "@reboot"
            else f"known are {', '.join(ALIASES)}"
        )
        raise ScheduleError(f"cron {text!r}: {fields} is not understood; {hint}")
    cron = read(text, seed)
    parts = cron.fields.split()
    if len(parts) != len(FIELDS):
        hint = "; for seconds write every: 10s" if len(parts) in {6, 7} else ""
        raise ScheduleError(f"cron {text!r}: expected five fields, got {len(parts)}{hint}")
    for number, part in enumerate(parts):
        if any(_RANDOM.fullmatch(item) for item in part.split(",")):
            raise ScheduleError(f"cron {text!r}: R in the {FIELDS[number]} differs from host to host; use H")
    if "W" in parts[2].upper():
        raise ScheduleError(
            f"cron {text!r}: W in the {FIELDS[2]}, the nearest weekday, is not understood; name the days"
        )
    try:
        next(cron.on_the_wall(FIRST))
    except CroniterBadDateError:
        raise ScheduleError(f"cron {text!r}: no such date ever comes") from None
    except (CroniterError, ValueError, KeyError, IndexError) as error:
        for number, part in enumerate(parts):
            _check_field(text, number, part, seed)
        raise ScheduleError(f"cron {text!r}: {error}") from None
    return cron


def _check_field(text: str, number: int, part: str, seed: str) -> None:
    """Whether it is this field that cannot be read."""
    alone = ["*"] * len(FIELDS)
    alone[number] = part
    try:
        next(Cron(text, " ".join(alone), seed).on_the_wall(FIRST))
    except (CroniterError, ValueError, KeyError, IndexError):
        raise ScheduleError(f"cron {text!r}: cannot read {part!r} as the {FIELDS[number]}") from None


@lru_cache(maxsize=65_536)
def next_instant(cron: Cron, zone: str, after: int) -> int:
    """The next instant at which it fires, later than `after`; both epoch seconds.

    Args:
        cron: The expression.
        zone: Whose wall clock it is read on.
        after: Epoch seconds.
    """
    place = zone_of(zone)
    wall = datetime.fromtimestamp(after, place).replace(tzinfo=None)
    offset = offset_of(after, place)
    if offset == offset_of(after + AROUND, place):
        return _first(cron, place, wall, after + 1)
    jump = jump_between(after, after + AROUND, place)
    match = next(cron.on_the_wall(wall))
    instant = int((match - offset).replace(tzinfo=UTC).timestamp())
    if instant < jump:
        return instant
    resumed = datetime.fromtimestamp(jump, place).replace(tzinfo=None)
    if cron.is_fixed and match < resumed:
        return jump
    return _first(cron, place, resumed - timedelta(seconds=1), jump)


def _first(cron: Cron, zone: ZoneInfo, wall: datetime, earliest: int) -> int:
    """The first instant of the matches later than a moment on the wall that is not before another."""
    for match in cron.on_the_wall(wall):
        for instant in _instants(cron, match, zone):
            if instant >= earliest:
                return instant
    raise AssertionError("an expression that was checked has a next match")


def zone_of(name: str) -> ZoneInfo:
    """The zone of that name.

    Raises:
        ScheduleError: There is none.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError, TypeError):
        raise ScheduleError(f"expected timezone to be a name like Europe/Berlin, got {name!r:.100}") from None


def _instants(cron: Cron, match: datetime, zone: ZoneInfo) -> list[int]:
    """When a time on the wall comes: once, twice, or not at all; epoch seconds, in order."""
    first, second = (match.replace(tzinfo=zone, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return [int(first.timestamp())]
    if first.astimezone(UTC).astimezone(zone).replace(tzinfo=None) == match:
        passes = [int(first.timestamp()), int(second.timestamp())]
        return passes[:1] if cron.is_fixed else passes
    # In a gap, the first reading lies after it and the second before.
    return [jump_between(int(second.timestamp()), int(first.timestamp()), zone)] if cron.is_fixed else []


def jump_between(before: int, after: int, zone: ZoneInfo) -> int:
    """The instant between two at which the clock jumps; epoch seconds."""
    offset = offset_of(after, zone)
    while after - before > 1:
        middle = (before + after) // 2
        if offset_of(middle, zone) == offset:
            after = middle
        else:
            before = middle
    return after


def offset_of(instant: int, zone: ZoneInfo) -> timedelta:
    """By how much the wall clock of a zone is ahead of UTC at an instant; epoch seconds."""
    return datetime.fromtimestamp(instant, zone).utcoffset() or timedelta()
