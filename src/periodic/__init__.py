"""Periodic jobs: a schedule, a leader, each tick enqueued once."""

from shiftboss.errors import EntryNotFound, Mistake, ScheduleError

from .entry import Entry
from .in_workers import fire_in_workers
from .operating import (
    aentries,
    ahistory,
    aleader,
    apause,
    aput,
    aremove,
    aresume,
    arun_now,
    aschedules,
    entries,
    history,
    leader,
    pause,
    put,
    remove,
    resume,
    run_now,
    schedules,
    upcoming,
)
from .reading import load
from .registration import register
from .schedule import Schedule
from .scheduler import Scheduler
from .state import EntryStatus, Leader, Run

__all__ = [
    "Entry",
    "EntryNotFound",
    "EntryStatus",
    "Leader",
    "Mistake",
    "Run",
    "Schedule",
    "ScheduleError",
    "Scheduler",
    "aentries",
    "ahistory",
    "aleader",
    "apause",
    "aput",
    "aremove",
    "aresume",
    "arun_now",
    "aschedules",
    "entries",
    "fire_in_workers",
    "history",
    "leader",
    "load",
    "pause",
    "put",
    "register",
    "remove",
    "resume",
    "run_now",
    "schedules",
    "upcoming",
]
