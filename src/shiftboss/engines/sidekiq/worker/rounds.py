"""`Rounds`: a worker's loop that does something at intervals, whatever goes wrong."""

from __future__ import annotations

import logging
from abc import abstractmethod

from shiftboss.engines.sidekiq.worker.backoff import Backoff
from shiftboss.engines.sidekiq.worker.outage import AWAY, Outage
from shiftboss.service import Service, Signal

log = logging.getLogger("shiftboss.worker")


class Rounds(Service):
    """A loop of rounds, one at once and then one after each `interval`. No error ends it.

    Args:
        name: What its thread is called.
        outage: Is told when Redis is away and when it is back.
    """

    jitter = 0.2

    def __init__(self, name: str, outage: Outage) -> None:
        super().__init__(name)
        self.rounds: Signal[None] = Signal()
        self._outage = outage
        self._backoff = Backoff(0.1, 2.0)

    @abstractmethod
    def round(self) -> None:
        """What is done each time."""

    @abstractmethod
    def interval(self) -> float:
        """Seconds until the next round."""

    def run(self) -> None:
        while not self.stopping:
            pause = self._one()
            self.rounds.fire(None)
            self.pause(pause, jitter=self.jitter)

    def _one(self) -> float:
        try:
            self.round()
        except AWAY as error:
            self._outage.lost(error)
            return self._backoff.next()
        except Exception:
            log.exception("%s failed; it goes on", self.name)
            return self._backoff.next()
        self._outage.back()
        self._backoff.reset()
        return self.interval()
