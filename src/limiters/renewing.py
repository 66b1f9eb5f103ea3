"""Keeping leases alive from a thread, for blocks that last longer than `lock_timeout`; and telling who lost one all the same."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Generator
from typing import TYPE_CHECKING
from weakref import WeakSet

from redis.exceptions import RedisError

from shiftboss.service import Service

from .per_client import PerClient

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.store import Store

    from .grant import Grant

# A lease is renewed when so much of it has passed; there is time for two more attempts then.
PART = 1 / 3
# Seconds until the next attempt when Redis did not answer.
AGAIN = 0.2
IDLE = 3600.0
_lock = threading.Lock()


class Lost:
    """Whether a lease was lost: to test, to wait for in a thread, to await in a coroutine."""

    __slots__ = ("_told", "_waiting")

    def __init__(self) -> None:
        self._told = False
        self._waiting: list[Callable[[], object]] = []

    def is_set(self) -> bool:
        """Whether it was lost."""
        return self._told

    def __bool__(self) -> bool:
        return self._told

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until it is lost, for at most so many seconds; whether it was."""
        heard = threading.Event()
        with _lock:
            if self._told:
                return True
            self._waiting.append(heard.set)
        try:
            return heard.wait(timeout) or self._told
        finally:
            self._forget(heard.set)

    def __await__(self) -> Generator[None, None, None]:
        return self._wait().__await__()

    async def _wait(self) -> None:
        loop, heard = asyncio.get_running_loop(), asyncio.Event()

        def wake() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(heard.set)

        with _lock:
            if self._told:
                return
            self._waiting.append(wake)
        try:
            await heard.wait()
        finally:
            self._forget(wake)

    def _forget(self, wake: Callable[[], object]) -> None:
        """A wait is over."""
        with _lock:
            if wake in self._waiting:
                self._waiting.remove(wake)

    def tell(self) -> None:
        """Say that it was. Again is harmless."""
        with _lock:
            self._told = True
            waiting, self._waiting = self._waiting, []
        for wake in waiting:
            wake()


class Renewer(Service):
    """Renews the leases of one client's grants until they are released, dropped or lost. All that are due at once take one
    round trip.
    """

    def __init__(self, store: Store) -> None:
        super().__init__("shiftboss-renewer")
        self._store = store
        self._grants: WeakSet[Grant] = WeakSet()
        self._guard = threading.Lock()

    def add(self, grant: Grant) -> None:
        """Keep its lease alive from now on."""
        with self._guard:
            self._grants.add(grant)
        self.start()
        self.nudge()

    def run(self) -> None:
        while not self.pause(self._round()):
            pass

    def _round(self) -> float:
        """Renew what is due; seconds until something is due again."""
        with self._guard:
            grants = list(self._grants)
        answered = self._renew([grant for grant in grants if grant.remaining <= _left(grant)])
        # Released, lost, or surely ended while Redis could not be asked.
        over = [grant for grant in grants if not grant.remaining]
        for grant in over:
            grant.renewed(0.0, renewed=False)
        with self._guard:
            self._grants.difference_update(over)
            kept = list(self._grants)
        return min((grant.remaining - _left(grant) for grant in kept), default=IDLE) if answered else AGAIN

    def _renew(self, due: list[Grant]) -> bool:
        """Whether Redis could be asked."""
        if not due:
            return True
        asked = time.monotonic()
        try:
            answers = self._store.run_many([grant.renewal() for grant in due], PART * min(grant.lease for grant in due))
        except (RedisError, OSError):
            return False
        for grant, renewed in zip(due, answers, strict=True):
            grant.renewed(asked, renewed=renewed)
        return True


def _left(grant: Grant) -> float:
    """What is left of a lease when it is to be renewed."""
    return grant.lease * (1 - PART)


_renewers = PerClient(Renewer)


def renewer_of(client: Shiftboss) -> Renewer:
    """The client's renewer, one in each process: what a parent holds is the parent's to renew."""
    return _renewers.of(client)


def _after_fork() -> None:
    """Another thread of the parent's may have held it."""
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_after_fork)
