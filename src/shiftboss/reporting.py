"""Saying how a job ended: to its batch, and to every feature. For engines that do not settle members themselves."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

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


def is_wanted(client: Shiftboss, message: Message) -> bool:
    """Whether a job that is about to start shall run; if nobody can be asked now, it shall. At most one round trip."""
    try:
        return not any(client.perform(extension.unwanted([message], None)) for extension in client.extensions.values())
    except (RedisError, OSError) as away:
        log.warning("job %s runs although it may have become unwanted; nobody could be asked: %s", message.id, away)
        return True


def tell(
    client: Shiftboss, message: Message, outcome: Outcome, error: BaseException | None, patience: float = PATIENCE
) -> bool:
    """Report an outcome from this thread, again and again while Redis is away; whether that worked in time."""
    deadline, pause = time.monotonic() + patience, FIRST_PAUSE
    while True:
        try:
            client.perform(report(client, message, outcome, error))
        except (RedisError, OSError) as away:
            if time.monotonic() >= deadline:
                log.error(  # noqa: TRY400  the trace of a lost connection tells nothing
                    "job %s %s, but its batch could not be told: %s", message.id, outcome.value, away
                )
                return False
            log.warning("job %s %s; telling its batch again in %.1f s: %s", message.id, outcome.value, pause, away)
            time.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        else:
            return True


async def ais_wanted(client: Shiftboss, message: Message) -> bool:
    """As `is_wanted`, for coroutines."""
    try:
        for extension in client.extensions.values():
            if await client.aperform(extension.unwanted([message], None)):
                return False
    except (RedisError, OSError) as away:
        log.warning("job %s runs although it may have become unwanted; nobody could be asked: %s", message.id, away)
    return True


async def atell(
    client: Shiftboss, message: Message, outcome: Outcome, error: BaseException | None, patience: float = PATIENCE
) -> None:
    """Report an outcome from a coroutine, again and again while Redis is away.

    Raises:
        RedisError: It did not come back in time.
    """
    deadline, pause = time.monotonic() + patience, FIRST_PAUSE
    while True:
        try:
            return await client.aperform(report(client, message, outcome, error))
        except (RedisError, OSError) as away:
            if time.monotonic() >= deadline:
                raise
            log.warning("job %s %s; telling its batch again in %.1f s: %s", message.id, outcome.value, pause, away)
            await client.aperform(sleep(pause))
            pause = min(pause * 2, LONGEST_PAUSE)
