"""Waiting inside a job in short steps: a job that only waits must not hold up a worker that was told to stop."""

from __future__ import annotations

from shiftboss.endings import leave_if_stopping, may_be_stopped
from shiftboss.plan import Plan, sleep

# Seconds between two looks at whether the worker stops.
LOOK = 2.0


def at_a_time(seconds: float) -> float:
    """How much of a wait passes until the next look."""
    return min(seconds, LOOK) if may_be_stopped() else seconds


def rest(seconds: float) -> Plan[None]:
    """Let so many seconds pass.

    Raises:
        Requeue: The worker of this job stops.
    """
    while seconds > 0:
        leave_if_stopping()
        part = at_a_time(seconds)
        yield from sleep(part)
        seconds -= part
