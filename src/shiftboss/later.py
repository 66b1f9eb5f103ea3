"""What is due much later waits in Redis, in a sorted set of ours, where an engine would hold it in a worker's memory.

There a long delay is no safe place: Celery's brokers deliver a task again when it has waited for too long, and whatever
delays messages in memory fills it. A `Promoter` in each worker hands them to the engine in time.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from redis.exceptions import RedisError

from shiftboss import keys
from shiftboss.outbox import claim, strike_off
from shiftboss.plan import run, run_many
from shiftboss.scripts import Call, command
from shiftboss.service import Service

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.later")
# Seconds of delay that an engine which delays in memory keeps by itself.
LONG = 300.0
# Seconds before they are due at which such an engine is given messages: it knows better how to be in time.
AHEAD = 60.0
# Seconds between two looks where that is so.
EVERY = 5.0
# Milliseconds that a worker has for sending what it took, before another may; and how many it takes at once.
LEASE, PAGE = 30_000, 100


def put_off(client: Shiftboss, engine: str, text: str, at: float) -> Call[int]:
    """Keep a message until an instant.

    Args:
        client: Its namespace is where.
        engine: The engine's name.
        text: The message, in whatever form the engine's promoter understands.
        at: Seconds since the epoch.
    """
    return command("ZADD", [keys.later(client.namespace, engine)], [at * 1000, text], int)


class Promoter(Service):
    """Sends what is due, as long as the worker lives. What a process took that then dies is sent by another one.

    Args:
        client: Where the messages wait.
        engine: The engine's name.
        send: Is given each that is due. It may be given one twice.
        every: Seconds between two looks.
    """

    def __init__(self, client: Shiftboss, engine: str, send: Callable[[str], object], every: float = EVERY) -> None:
        super().__init__("shiftboss-promoter")
        self._client = client
        self._later = keys.later(client.namespace, engine)
        self._send = send
        self._every = every

    def run(self) -> None:
        while not self.stopping:
            sent = 0
            try:
                sent = self._promote()
            except (RedisError, OSError) as error:
                log.warning("messages that are due wait while Redis is away: %s", error)
            if sent < PAGE:
                self.pause(self._every, jitter=0.1)

    def _promote(self) -> int:
        """Send what is due now; how many were sent. One that cannot be sent is due again when its lease has run out."""
        sent: list[str] = []
        for text in self._client.perform(run(claim(self._later, LEASE, PAGE, 0))):
            if self.stopping:
                break
            try:
                self._send(text)
            except Exception:
                log.exception("a message that is due could not be sent; it is tried again in %d s", LEASE // 1000)
            else:
                sent.append(text)
        if sent:
            self._client.perform(run_many([strike_off(self._later, text) for text in sent]))
        return len(sent)
