"""How a running job ends other than by returning or failing, and whether its worker is about to.

requeue(30)            the same job runs again in 30 s; this was no run of it
raise Discard("...")   it will not run again, and is not kept
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from enum import Enum
from typing import NoReturn

from shiftboss.config import to_seconds
from shiftboss.errors import JobError
from shiftboss.extension import Reschedule
from shiftboss.jobs import REQUEUES, Message, current_job


class Verdict(Enum):
    """What `retry_in` may return beside seconds: a failed job is not to run again."""

    DISCARD = "discard"
    KILL = "kill"


DISCARD, KILL = Verdict.DISCARD, Verdict.KILL


class Discard(Exception):
    """Raise it to end a job for good: it is counted and logged, not kept among the dead, and has died for its batch.

    Args:
        reason: For the log.
    """


class Requeue(BaseException):
    """What `requeue` raises. Not an `Exception`, so that a job's own ``except Exception`` lets it through.

    Args:
        delay: Seconds until the same job runs again.
        asked: Whether the job asked for it, which `max_requeues` counts.
    """

    def __init__(self, delay: float, *, asked: bool = True) -> None:
        super().__init__(delay)
        self.delay = delay
        self.asked = asked


def requeue(delay: float | timedelta = 0.0) -> NoReturn:
    """Leave the running job, which runs again after a delay: the same id, no retry used, nothing to its batch.

    Args:
        delay: Seconds, or a timedelta.

    Raises:
        Requeue: Always; let it through.
        JobError: No job runs here, or the delay is no such time.

    Example:
        >>> from shiftboss import job, requeue
        >>> @job(max_requeues=10)
        ... def fetch(url: str) -> None:
        ...     answer = get(url)
        ...     if answer.status == 429:
        ...         requeue(float(answer.headers["Retry-After"]))
    """
    seconds = to_seconds(delay)
    if not isinstance(seconds, (int, float)) or isinstance(seconds, bool) or not 0 <= seconds < math.inf:
        raise JobError(f"expected requeue to be given seconds, 0 or more, or a timedelta, got {delay!r}")
    if current_job() is None:
        raise JobError("requeue() is for a running job, and none runs here; push the job with perform_in instead")
    raise Requeue(float(seconds))


def requeued(message: Message, asked: Requeue) -> Reschedule:
    """What `requeue` means for a message."""
    return Reschedule(asked.delay, {REQUEUES: count_of(message) + asked.asked})


def count_of(message: Message) -> int:
    """How often a message was requeued."""
    count = message.options.get(REQUEUES, 0)
    return count if isinstance(count, int) else 0


def _never() -> bool:
    return False


# Set by a worker for the jobs that it runs.
stopping: ContextVar[Callable[[], bool]] = ContextVar("shiftboss_stopping", default=_never)


def may_be_stopped() -> bool:
    """Whether a worker runs this that says when it stops."""
    return stopping.get() is not _never


def leave_if_stopping() -> None:
    """End a job that only waits once its worker stops: it runs again elsewhere, and nothing counts that.

    Raises:
        Requeue: That is so.
    """
    if shutting_down():
        raise Requeue(0.0, asked=False)


def shutting_down() -> bool:
    """Whether the worker that runs this job takes no more jobs and is about to stop. False outside of one. No round trip.

    A job that runs for long asks it between steps, saves how far it is, and ends or calls `requeue`.
    """
    return stopping.get()()
