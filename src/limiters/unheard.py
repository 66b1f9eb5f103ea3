"""Leaving a concurrent limiter while Redis does not answer. A frozen server carries out what it was asked when it goes on: so
it is told again, until it has heard, that an attempt was given up.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

from redis.exceptions import RedisError

from shiftboss.scripts import Call
from shiftboss.service import Service

from .patience import within
from .per_client import PerClient

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.store import Store

# Seconds until Redis is told again, and how many are told of together.
AGAIN = 0.2
TOGETHER = 100
IDLE = 3600.0
# Of so many attempts a process remembers that they were given up; beyond that their slots come back when their leases end.
MOST = 10_000


class Teller(Service):
    """Tells one client's Redis of attempts that were given up."""

    def __init__(self, store: Store) -> None:
        super().__init__("shiftboss-teller")
        self._store = store
        self._untold: dict[Call[Any], float] = {}
        self._guard = threading.Lock()

    def add(self, call: Call[Any], seconds: float) -> None:
        """Make a call once Redis answers, for so many seconds; then it is no matter any more."""
        with self._guard:
            if len(self._untold) < MOST:
                self._untold[call] = time.monotonic() + seconds
        self.start()
        self.nudge()

    def run(self) -> None:
        while not self.pause(self._round()):
            pass

    def _round(self) -> float:
        """Tell of some; seconds until the next round."""
        now = time.monotonic()
        with self._guard:
            self._untold = {call: until for call, until in self._untold.items() if until > now}
            some = list(self._untold)[:TOGETHER]
        if not some:
            return IDLE
        try:
            self._store.run_many(some, within(0))
        except (RedisError, OSError):
            return AGAIN
        with self._guard:
            for call in some:
                self._untold.pop(call, None)
        return 0.0


_tellers = PerClient(Teller)


def teller_of(client: Shiftboss) -> Teller:
    """The client's teller, one in each process: what a parent has given up is the parent's to tell."""
    return _tellers.of(client)
