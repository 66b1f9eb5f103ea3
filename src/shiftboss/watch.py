"""`Watch`: a thread in the processes of an engine that publishes itself: it reports what they hear of, and reaps."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from redis.exceptions import RedisError

from shiftboss.errors import ShiftbossError
from shiftboss.jobs import Message, Outcome
from shiftboss.outbox import reap
from shiftboss.reporting import FIRST_PAUSE, report
from shiftboss.service import Service, Signal

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.watch")
EVERY = 5.0


class Watch(Service):
    """Reports outcomes and reaps, from a thread. What could not be reported while Redis was away is reported afterwards."""

    def __init__(self, client: Shiftboss) -> None:
        super().__init__("shiftboss-watch")
        self._client = client
        self._ended: queue.SimpleQueue[tuple[Message, Outcome, BaseException]] = queue.SimpleQueue()
        self.reaped: Signal[int] = Signal()
        self._beside: list[Service] = []

    def serve(self, *beside: Service) -> None:
        """Start in a worker, with what features run beside its jobs, and what the engine does."""
        self._beside += beside
        for extension in self._client.extensions.values():
            self._beside += extension.services()
        for service in (*self._beside, self):
            service.start()

    def stop(self, timeout: float | None = None) -> bool:
        """End the loop and what runs beside it, and wait for them."""
        for service in self._beside:
            service.ask_to_stop()
        for service in self._beside:
            service.stop(timeout)
        return super().stop(timeout)

    def put(self, message: Message, outcome: Outcome, error: BaseException) -> None:
        """Report this soon."""
        self._ended.put((message, outcome, error))
        self.start()
        self.nudge()

    def run(self) -> None:
        next_reap = 0.0
        while True:
            try:
                self._report()
                if time.monotonic() >= next_reap and not self.stopping:
                    self.reaped.fire(self._client.perform(reap(self._client, self._client.store.identity)))
                    next_reap = time.monotonic() + EVERY
                pause = max(next_reap - time.monotonic(), 0.0)
            except (ShiftbossError, RedisError, OSError) as error:
                log.warning("batches are not looked after while Redis is away: %s", error)
                pause = FIRST_PAUSE * 10
            except Exception:
                # Ended, it would report no more outcomes of this process.
                log.exception("%s failed; it goes on", self.name)
                pause = FIRST_PAUSE * 10
            if self.pause(pause, jitter=0.1):
                break
        self._report_last()

    def _report(self) -> None:
        while not self._ended.empty():
            message, outcome, error = self._ended.get()
            try:
                self._client.perform(report(self._client, message, outcome, error))
            except BaseException:
                self._ended.put((message, outcome, error))
                raise

    def _report_last(self) -> None:
        try:
            self._report()
        except (ShiftbossError, RedisError, OSError) as error:
            log.error(  # noqa: TRY400  the trace of a lost connection tells nothing
                "the batches of %d jobs could not be told how they ended: %s", self._ended.qsize(), error
            )


def watch_of(client: Shiftboss) -> Watch:
    """The client's watch, one in each process. It may not have been started."""
    with _lock:
        watch = _watches.get(client)
        if watch is None or watch.stopping:
            watch = _watches[client] = Watch(client)
        return watch


def _begin_anew() -> None:
    """A forked child has none of its parent's threads."""
    global _lock, _watches
    _lock, _watches = threading.Lock(), WeakKeyDictionary()


_lock: threading.Lock
_watches: WeakKeyDictionary[Shiftboss, Watch]
_begin_anew()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
