"""Shiftboss: batches, rate limiters and periodic jobs for the Python job engine you already run.

Names are loaded when they are first used, so that importing the package costs little.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss, configure, current_client
    from shiftboss.endings import DISCARD, KILL, Discard, requeue, shutting_down
    from shiftboss.engine import NotPublished
    from shiftboss.engines.sidekiq.hooks import on_death, on_heartbeat, on_quiet, on_shutdown, on_startup
    from shiftboss.engines.sidekiq.job import Job, JobId, job
    from shiftboss.engines.sidekiq.middleware import client_middleware, server_middleware
    from shiftboss.engines.sidekiq.sets import (
        DeadSet,
        Failures,
        JobStats,
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
        JobTimeout,
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
    "shiftboss.endings": ("DISCARD", "KILL", "Discard", "requeue", "shutting_down"),
    "shiftboss.engine": ("NotPublished",),
    "shiftboss.engines.sidekiq.hooks": ("on_death", "on_heartbeat", "on_quiet", "on_shutdown", "on_startup"),
    "shiftboss.engines.sidekiq.job": ("Job", "JobId", "job"),
    "shiftboss.engines.sidekiq.middleware": ("client_middleware", "server_middleware"),
    "shiftboss.engines.sidekiq.sets": (
        "DeadSet",
        "Failures",
        "JobStats",
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
        "JobTimeout",
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
    "DISCARD",
    "KILL",
    "BatchClosed",
    "BatchError",
    "BatchNotFound",
    "ConfigError",
    "DeadSet",
    "Discard",
    "EntryNotFound",
    "Failures",
    "Job",
    "JobError",
    "JobId",
    "JobStats",
    "JobTimeout",
    "NotPublished",
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
    "client_middleware",
    "configure",
    "current_client",
    "current_job",
    "job",
    "on_death",
    "on_heartbeat",
    "on_quiet",
    "on_shutdown",
    "on_startup",
    "requeue",
    "server_middleware",
    "shutting_down",
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
