"""RQ's jobs as our messages, and what of ours travels in them: in ``meta``, which RQ keeps through retries and schedules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rq.job import Job

from shiftboss.jobs import OPTIONS, PLACE, CallbackOf, Member, Message, place_from, place_to

if TYPE_CHECKING:
    from shiftboss.engines.rq.queue import ShiftbossQueue

# In meta: the job's place in a batch; what features want to remember of it; how often it has failed.
FAILURES = "sbf"
# The option of a message in which RQ's own job waits for the end of a block.
KEPT = "rq"


@dataclass(frozen=True, slots=True)
class Kept:
    """A job that is yet to be enqueued, and how.

    Args:
        job: RQ's job.
        queue: Where.
        at_front: Whether it goes before all others.
        unique: Whether there may be no other of its id.
    """

    job: Job
    queue: ShiftbossQueue
    at_front: bool = False
    unique: bool = False


def to_message(kept: Kept, at: float | None) -> Message:
    """A job that is about to be enqueued, as others see it."""
    return _message(kept.job, kept.queue.name, at, {**_options(kept.job), KEPT: kept})


def arrived(job: Job) -> Message:
    """A job that is run, or has ended."""
    return _message(job, job.origin or "", None, _options(job))


def mark(job: Job, message: Message) -> None:
    """Write into a job what a message knows."""
    if message.batch is not None:
        job.meta[PLACE] = place_to(message.batch)
    remembered = {name: value for name, value in message.options.items() if name != KEPT}
    if remembered:
        job.meta[OPTIONS] = remembered


def place_of(job: Job) -> Member | CallbackOf | None:
    """The job's place, if it has one."""
    return place_from(job.meta.get(PLACE))


def _message(job: Job, queue: str, at: float | None, options: dict[str, Any]) -> Message:
    failures = job.meta.get(FAILURES, 0)
    return Message(job.func_name or "", tuple(job.args), queue, job.id, at, place_of(job), options, failures)


def _options(job: Job) -> dict[str, Any]:
    options = job.meta.get(OPTIONS)
    return dict(options) if isinstance(options, dict) else {}
