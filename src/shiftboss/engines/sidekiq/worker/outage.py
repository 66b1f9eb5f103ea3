"""`Outage`: that Redis is away, and that it is back, said once."""

from __future__ import annotations

import logging
import threading

from redis.exceptions import RedisError

log = logging.getLogger("shiftboss.worker")
# What a call may fail with because of Redis; anything else is a fault of ours, and logged as one.
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
