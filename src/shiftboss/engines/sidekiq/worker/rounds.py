"""What a worker's loops share: rounds at intervals, and patience with a Redis that is away."""

from __future__ import annotations

import logging
import random
import threading
from abc import abstractmethod

from redis.exceptions import RedisError

from shiftboss.service import Service, Signal

log = logging.getLogger("shiftboss.worker")
# What a round may fail with because of Redis; anything else is a fault of ours, and logged as one.
AWAY = (RedisError, OSError)


class Outage:
    """Says once that Redis is away, and once that it is back, however many loops notice."""

    def __init__(self, where: str) -> None:
        self.where = where
        self._lock = threading.Lock()
        self._away = False

    def lost(self, error: BaseException) -> None:
        """A call has failed."""
        with self._lock:
            first, self._away = not self._away, True
        if first:
            log.warning("Redis at %s does not serve us (%s: %s); trying on", self.where, type(error).__name__, error)

    def back(self) -> None:
        """A call has been answered."""
        if self._away:
            with self._lock:
                last, self._away = self._away, False
            if last:
                log.warning("Redis at %s serves us again", self.where)


class Backoff:
    """Pauses that double, from `first` to `most` seconds, each shortened by chance."""

    def __init__(self, first: float, most: float) -> None:
        self.first = first
        self.most = most
        self._next = first

    def next(self) -> float:
        """How long to pause now."""
        pause, self._next = self._next, min(self.most, self._next * 2)
        return pause * random.uniform(0.75, 1)

    def reset(self) -> None:
        """It went well: begin anew."""
        self._next = self.first


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
