"""Entries that code registers, to be deployed with those of the file."""

from __future__ import annotations

from types import FunctionType
from typing import Any

from shiftboss.errors import ScheduleError

from .checking import check_schedule_name, make_entry
from .entry import Entry

# Where jobs keep their names: ours, Celery's, Dramatiq's, taskiq's.
_NAMES = ("job_name", "name", "actor_name", "task_name")
_registered: dict[str, dict[str, Entry]] = {}


def register(name: str, *, job: object, schedule: str = "default", **said: Any) -> Entry:
    """Have a job enqueued periodically, as an entry of the schedule file would. No round trip: a worker or
    ``shiftboss periodic run`` that imports this deploys it.

    Args:
        name: The entry's name.
        job: The job, or what the engine knows it by.
        schedule: Of which schedule.
        said: Any key of the file, such as ``cron="0 3 * * *"`` or ``every=90``.

    Raises:
        ScheduleError: Something that cannot be right, or another entry of that name.

    Example:
        >>> from shiftboss import periodic
        >>> entry = periodic.register("nightly", cron="0 3 * * *", job="app.jobs.report", timezone="Europe/Berlin")
    """
    schedule = check_schedule_name(schedule)
    entry = make_entry(name, {"job": name_of(job), **said}, source="code")
    known = _registered.setdefault(schedule, {}).setdefault(name, entry)
    if known != entry:
        raise ScheduleError(f"two entries of schedule {schedule!r} are called {name!r}; give one another name")
    return entry


def registered(schedule: str) -> tuple[Entry, ...]:
    """What code has registered in this process."""
    return tuple(_registered.get(schedule, {}).values())


def schedules() -> list[str]:
    """The names of schedules that code has registered entries of."""
    return sorted(_registered)


def name_of(job: object) -> str:
    """What the engine knows a job by: our jobs, and those of Celery, Dramatiq and taskiq, say it; a function is known by its path.

    Raises:
        ScheduleError: It is no job, or a function that cannot be found by its path.
    """
    names = [job, *(getattr(job, what, None) for what in _NAMES)]
    if isinstance(job, FunctionType) and "<" not in job.__qualname__:
        names.append(f"{job.__module__}.{job.__qualname__}")
    name = next((name for name in names if isinstance(name, str) and name), None)
    if name is None:
        raise ScheduleError(f"expected job to be a job or its name, got {job!r:.100}")
    return name
