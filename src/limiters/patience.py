"""Waiting inside a job in short steps: a job that only waits must not hold up a worker that was told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftboss.endings import leave_if_stopping, may_be_stopped
from shiftboss.plan import Plan, sleep

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .base import Limiter

# Seconds within which Redis must have said whether there is room, where the caller does not wait longer anyway.
DECISION = 0.5
# Seconds between two looks at whether the worker stops.
LOOK = 2.0


def within(wait: float) -> float:
    """How long a caller that would wait so long for room waits for Redis."""
    return max(wait, DECISION)


def telling(limiter: Limiter, client: Shiftboss) -> float:
    """How long who was given something waits for Redis, to say what has become of it."""
    return min(within(limiter.wait_timeout), client.settings.timeout)


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
