"""Looking at queues, sets and processes, and changing them: what an operator does, from Python."""

from shiftboss.engines.sidekiq.sets.entry import Entry
from shiftboss.engines.sidekiq.sets.failures import FailedRun, Failures
from shiftboss.engines.sidekiq.sets.measured import JobMinute, JobStats
from shiftboss.engines.sidekiq.sets.processes import Process, ProcessSet, Work, Workers
from shiftboss.engines.sidekiq.sets.queue import Queue
from shiftboss.engines.sidekiq.sets.stats import QueueStats, Stats
from shiftboss.engines.sidekiq.sets.waiting import DeadSet, RetrySet, ScheduledSet

__all__ = [
    "DeadSet",
    "Entry",
    "FailedRun",
    "Failures",
    "JobMinute",
    "JobStats",
    "Process",
    "ProcessSet",
    "Queue",
    "QueueStats",
    "RetrySet",
    "ScheduledSet",
    "Stats",
    "Work",
    "Workers",
]
