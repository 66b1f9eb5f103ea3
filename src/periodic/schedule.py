"""`Schedule`: entries under a name; what code adds to that of a file, and which jobs it may name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shiftboss.engine import Engine, KnowingEngine
from shiftboss.errors import Mistake, ScheduleError

from .deploying import merged
from .entry import Entry
from .registration import registered
from .registration import schedules as registered_schedules

_RUBY = re.compile(r"[A-Z]\w*(::[A-Z]\w*)*")


@dataclass(frozen=True)
class Schedule:
    """Entries that are deployed together.

    Args:
        name: What it is known by; two apps on one Redis use two.
        entries: Each with a name of its own.
        places: File and line of those that are in a file, by name.
    """

    name: str
    entries: tuple[Entry, ...]
    places: Mapping[str, tuple[str, int]] = field(default_factory=dict, compare=False)


def complete(schedule: Schedule) -> Schedule:
    """The schedule with what code has registered under its name; what the file says comes before that."""
    return replace(schedule, entries=merged(schedule.entries, registered(schedule.name)))


def with_registered(schedules: Sequence[Schedule]) -> list[Schedule]:
    """Schedules of files, each with what code has registered under its name; and those that only code knows.

    Raises:
        ScheduleError: Two are of one name.
    """
    names = [schedule.name for schedule in schedules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ScheduleError(f"two files are of schedule {twice!r}; give one another name, with schedule: in it")
    coded = [Schedule(name, ()) for name in registered_schedules() if name not in names]
    return [complete(schedule) for schedule in (*schedules, *coded)]


def check_jobs(schedule: Schedule, engine: Engine) -> None:
    """Refuse jobs that need arguments, as far as this process knows them, and those that its modules should define and do not.
    What looks like a Ruby class is Ruby's.

    Raises:
        ScheduleError: All of them, with file and line where they have one.
    """
    if not isinstance(engine, KnowingEngine):
        return
    wrong = []
    for entry in schedule.entries:
        known = engine.known(entry.job)
        if known is None and not _RUBY.fullmatch(entry.job):
            message = f"no job is called {entry.job!r} here; name the module that defines it with --require"
        elif known is not None and known.problem:
            message = f"a periodic job gets no arguments: {known.problem}"
        else:
            continue
        file, line = schedule.places.get(entry.name, (None, None))
        wrong.append(Mistake(message, file, line, entry.name))
    if wrong:
        raise ScheduleError.of(*wrong)
