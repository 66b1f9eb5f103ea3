"""Shiftboss: batches, rate limiters and periodic jobs for the Python job engine you already run.

Names are loaded when they are first used, so that importing the package costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss, configure, current_client
    from shiftboss.engines.sidekiq.job import Job, JobId, job
    from shiftboss.engines.sidekiq.sets import (
        DeadSet,
        Failures,
        ProcessSet,
        Queue,
        RetrySet,
        ScheduledSet,
        Stats,
        Workers,
    )
    from shiftboss.errors import (
        BatchClosed,
        BatchError,
        BatchNotFound,
        ConfigError,
        EntryNotFound,
        JobError,
        OverLimit,
        PrerequisiteDied,
        ScheduleError,
        ScriptError,
        ShiftbossError,
        WaitTimeout,
    )
    from shiftboss.jobs import current_job

_HOMES = {
    "shiftboss.client": ("Shiftboss", "configure", "current_client"),
    "shiftboss.engines.sidekiq.job": ("Job", "JobId", "job"),
    "shiftboss.engines.sidekiq.sets": (
        "DeadSet",
        "Failures",
        "ProcessSet",
        "Queue",
        "RetrySet",
        "ScheduledSet",
        "Stats",
        "Workers",
    ),
    "shiftboss.errors": (
        "BatchClosed",
        "BatchError",
        "BatchNotFound",
        "ConfigError",
        "EntryNotFound",
        "JobError",
        "OverLimit",
        "ScheduleError",
        "PrerequisiteDied",
        "ScriptError",
        "ShiftbossError",
        "WaitTimeout",
    ),
    "shiftboss.jobs": ("current_job",),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BatchClosed",
    "BatchError",
    "BatchNotFound",
    "ConfigError",
    "DeadSet",
    "EntryNotFound",
    "Failures",
    "Job",
    "JobError",
    "JobId",
    "OverLimit",
    "PrerequisiteDied",
    "ProcessSet",
    "Queue",
    "RetrySet",
    "ScheduleError",
    "ScheduledSet",
    "ScriptError",
    "Shiftboss",
    "ShiftbossError",
    "Stats",
    "WaitTimeout",
    "Workers",
    "configure",
    "current_client",
    "current_job",
    "job",
]


def __getattr__(name: str) -> Any:
    home = _HOME_OF.get(name)
    if home is None:
        raise AttributeError(f"module 'shiftboss' has no attribute {name!r}")
    value = getattr(import_module(home), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
