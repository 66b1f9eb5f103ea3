"""Saying how a job ended: to its batch, and to every feature. For engines that do not settle members themselves."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from shiftboss.alive import process_of
from shiftboss.endings import Requeue, requeued
from shiftboss.extension import Extension, Reschedule
from shiftboss.jobs import Message, Outcome
from shiftboss.plan import Plan, sleep

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.reporting")
# Seconds for which a worker tries to say how a task ended while Redis is away. Its next task waits so long.
PATIENCE = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.1, 3.0


def report(client: Shiftboss, message: Message, outcome: Outcome, error: BaseException | None) -> Plan[None]:
    """Record an outcome and perform what that brings about. Doing it twice is doing it once."""
    for extension in client.extensions.values():
        yield from extension.finished(message, outcome, error)


def put_back_of(client: Shiftboss, message: Message, error: BaseException) -> Reschedule | None:
    """Whether an error that left a job means: run the same job later, which is no failure. No I/O."""
    if isinstance(error, Requeue):
        return requeued(message, error)
    asked = (extension.raised(message, error) for extension in client.extensions.values())
    return next((later for later in asked if later is not None), None)


def wanting(client: Shiftboss, message: Message) -> Plan[bool]:
    """Whether a job that is about to start shall run; if nobody can be asked now, it shall. At most one round trip."""
    return (yield from _all_agree(message, (_is_wanted(one, message) for one in client.extensions.values())))


def starting(client: Shiftboss, message: Message) -> Plan[bool]:
    """As `wanting`, and note where the job runs: for an engine that cannot say where jobs are. At most one round trip, two the
    first time in a process; none for a job that has no place in a batch.
    """
    if message.batch is None:
        return True
    return (yield from _all_agree(message, (_is_starting(one, client, message) for one in client.extensions.values())))


def _is_wanted(extension: Extension, message: Message) -> Plan[bool]:
    return not (yield from extension.unwanted([message], None))


def _is_starting(extension: Extension, client: Shiftboss, message: Message) -> Plan[bool]:
    return (yield from extension.starting(message, (yield from process_of(client))))


def _all_agree(message: Message, asked: Iterable[Plan[bool]]) -> Plan[bool]:
    try:
        for one in asked:
            if not (yield from one):
                return False
    except (RedisError, OSError) as away:
        log.warning("job %s runs although it may have become unwanted; nobody could be asked: %s", message.id, away)
    return True


def letting_go(client: Shiftboss, message: Message) -> Plan[None]:
    """Before a job is put back: nobody runs it then. One round trip for a member; it matters only to who looks."""
    try:
        yield from report(client, message, Outcome.RESCHEDULED, None)
    except (RedisError, OSError) as away:
        log.debug("job %s is put back, and noted to run here: %s", message.id, away)


def telling(
    client: Shiftboss, message: Message, outcome: Outcome, error: BaseException | None, patience: float = PATIENCE
) -> Plan[None]:
    """Report an outcome, again and again while Redis is away.

    Raises:
        RedisError: It did not come back in time.
    """
    deadline, pause = time.monotonic() + patience, FIRST_PAUSE
    while True:
        try:
            return (yield from report(client, message, outcome, error))
        except (RedisError, OSError) as away:
            if time.monotonic() >= deadline:
                raise
            log.warning("job %s %s; telling its batch again in %.1f s: %s", message.id, outcome.value, pause, away)
        yield from sleep(pause)
        pause = min(pause * 2, LONGEST_PAUSE)


def tell(
    client: Shiftboss, message: Message, outcome: Outcome, error: BaseException | None, patience: float = PATIENCE
) -> bool:
    """As `telling`, from this thread; whether that worked in time. What did not is logged."""
    try:
        client.perform(telling(client, message, outcome, error, patience))
    except (RedisError, OSError) as away:
        log.error(  # noqa: TRY400  the trace of a lost connection tells nothing
            "job %s %s, but its batch could not be told: %s", message.id, outcome.value, away
        )
        return False
    return True
