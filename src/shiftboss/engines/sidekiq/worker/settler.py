"""Acknowledging in the background: what ends together travels together, and nothing is forgotten while Redis is away."""

from __future__ import annotations

import logging
import queue
import time
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.worker import calls
from shiftboss.engines.sidekiq.worker.acknowledge import acknowledge, groups
from shiftboss.engines.sidekiq.worker.backoff import Backoff
from shiftboss.engines.sidekiq.worker.hold import Ended, Hold
from shiftboss.engines.sidekiq.worker.measuring import Measures
from shiftboss.engines.sidekiq.worker.outage import AWAY, Outage
from shiftboss.service import Service
from shiftboss.text import plural

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.keys import SidekiqKeys

log = logging.getLogger("shiftboss.worker")


class Settler(Service):
    """Collects jobs that have ended, measures them, and acknowledges them, as many at once as there are."""

    def __init__(
        self, client: Shiftboss, keys: SidekiqKeys, identity: str, hold: Hold, measures: Measures, outage: Outage
    ) -> None:
        super().__init__("shiftboss-settler")
        self._client = client
        self._keys = keys
        self._identity = identity
        self._hold = hold
        self._measures = measures
        self._outage = outage
        self._ended: queue.SimpleQueue[Ended | None] = queue.SimpleQueue()
        self._patience = float("inf")

    def put(self, ended: Ended) -> None:
        """Acknowledge this soon."""
        self._ended.put(ended)

    def finish(self, patience: float) -> bool:
        """Acknowledge what is there, and end; give up on a Redis that stays away for so many seconds."""
        self._patience = time.monotonic() + patience
        self._ended.put(None)
        return self.stop()

    def run(self) -> None:
        backoff = Backoff(0.05, 2.0)
        waiting: list[Ended] = []
        ending = False
        while not (ending and not waiting):
            ending = self._collect(waiting, backoff.next() if waiting else None) or ending
            failed = [one for group in groups(waiting) for one in self._try(group)]
            if not failed:
                backoff.reset()
            waiting = failed
            if waiting and ending and time.monotonic() > self._patience:
                log.warning("could not acknowledge %s, to be run again by others", plural(len(waiting), "job"))
                return

    def _collect(self, waiting: list[Ended], timeout: float | None) -> bool:
        """Add what has ended to what waits; whether the end was asked for."""
        try:
            one = self._ended.get(timeout=timeout)
            while one is not None:
                waiting.append(one)
                self._measures.end(one)
                if len(waiting) >= calls.MOST_JOBS:
                    return False
                one = self._ended.get_nowait()
        except queue.Empty:
            return False
        return True

    def _try(self, group: list[Ended]) -> list[Ended]:
        """Acknowledge one group; what of it has to be tried again."""
        if time.monotonic() > self._patience:
            return group
        try:
            self._client.perform(acknowledge(self._client, self._keys, self._identity, group))
        except AWAY as error:
            self._outage.lost(error)
            return group
        except Exception:
            if len(group) > 1:
                # Whatever is wrong with one of them, the others shall not wait for it.
                return [left for one in group for left in self._try([one])]
            log.exception("acknowledging a job failed; trying again")
            return group
        self._outage.back()
        self._hold.settle(one.run for one in group)
        return []
