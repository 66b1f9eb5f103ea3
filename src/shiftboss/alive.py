"""Being alive, as others can see it: a key with a time to live that a process renews while it runs jobs.

Engines whose brokers do not tell what they hold lose the job of a killed worker without a word, or deliver it again in an
hour. Who noted which process ran it can ask here whether that is still there.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, finalize

from redis.exceptions import RedisError

from shiftboss import keys
from shiftboss.plan import Plan, run
from shiftboss.scripts import Call, command
from shiftboss.service import Service

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.alive")
# Seconds for which the key lives, between two renewals, and until the next attempt when Redis is away.
TTL, EVERY, AGAIN = 60, 20.0, 5.0


class Alive(Service):
    """Renews the key of this process, as long as that lives."""

    def __init__(self, client: Shiftboss, identity: str) -> None:
        super().__init__("shiftboss-alive")
        self._store = client.store
        self._key = keys.alive(client.namespace, identity)

    def sign(self) -> Call[bool]:
        """Be seen for a while."""
        return command("SET", [self._key], [1, "EX", TTL], bool)

    def run(self) -> None:
        pause, away = EVERY, False
        while not self.pause(pause):
            try:
                self._store.run(self.sign())
                pause, away = EVERY, False
            except (RedisError, OSError) as error:
                if not away:
                    log.warning("this process may be taken for dead while Redis is away: %s", error)
                pause, away = AGAIN, True


def process_of(client: Shiftboss) -> Plan[str]:
    """What this process is known by, which is seen to be alive from now on; another one after a fork. One round trip the first
    time: nobody may read the name of a process that is not seen yet.
    """
    identity = client.store.identity
    known = _alive.setdefault(client, {})
    if identity not in known:
        yield from run(Alive(client, identity).sign())
        alive = known.setdefault(identity, Alive(client, identity))
        finalize(client, alive.ask_to_stop)
        alive.start()
    return identity


def is_alive(client: Shiftboss, identity: str) -> Call[bool]:
    """Whether a process that ran jobs still does."""
    return command("EXISTS", [keys.alive(client.namespace, identity)], [], bool)


# By client, and by process: after a fork there is another one.
_alive: WeakKeyDictionary[Shiftboss, dict[str, Alive]] = WeakKeyDictionary()
