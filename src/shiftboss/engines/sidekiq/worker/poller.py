"""Jobs that become due: from the schedule and from the retries to their queues."""

from __future__ import annotations

import logging
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.payload import decode
from shiftboss.engines.sidekiq.worker import calls
from shiftboss.engines.sidekiq.worker.dying import tell_of_death
from shiftboss.engines.sidekiq.worker.outage import Outage
from shiftboss.engines.sidekiq.worker.rounds import Rounds
from shiftboss.errors import JobError

if TYPE_CHECKING:
    from shiftboss.keys import SidekiqKeys
    from shiftboss.store import Store

log = logging.getLogger("shiftboss.worker")
PAGE = 100
# Seconds between two looks: of a process alone, what each other process adds, and at most, so that a job never waits long.
ALONE = 0.4
EACH = 0.02
MOST = 0.9


class Poller(Rounds):
    """Moves due jobs. Each member of a set is read here, written anew, and moved by a script if it is still there.

    Args:
        store: Where the sets are.
        keys: The protocol's names.
        processes: How many worker processes there are, as of late: the more, the rarer each looks.
        outage: Is told when Redis is away and when it is back.
    """

    def __init__(self, store: Store, keys: SidekiqKeys, processes: Callable[[], int], outage: Outage) -> None:
        super().__init__("shiftboss-poller", outage)
        self._store = store
        self._keys = keys
        self._processes = processes
        self._next = MOST

    def round(self) -> None:
        waits = [self._promote(waiting) for waiting in (self._keys.retry, self._keys.schedule)]
        self._next = min(waits)

    def interval(self) -> float:
        others = max(0, self._processes() - 1)
        # Processes that all know of the same instant come a little apart: who comes late finds nothing to do.
        return min(MOST, ALONE + EACH * others, self._next + random.random() * 0.005 * others)

    def _promote(self, waiting: str) -> float:
        """Move what is due in one set; seconds until more is."""
        while not self.stopping:
            due = self._store.run(calls.due(waiting, PAGE))
            jobs = []
            for raw in due.payloads:
                try:
                    jobs.append((raw, *_pushed(raw, due.now_ms)))
                except JobError as error:
                    self._bury(waiting, raw, error)
            if jobs:
                self._store.run(calls.promote(self._keys, waiting, jobs))
            if len(due.payloads) < PAGE:
                return MOST if due.next_ms is None else due.next_ms / 1000
        return MOST

    def _bury(self, waiting: str, raw: bytes, error: JobError) -> None:
        """Move to the dead what cannot be read, and tell of it, unless another process just did."""
        if self._store.run(calls.promote(self._keys, waiting, [(raw, "", raw)])):
            log.warning("a waiting job goes to the dead set: %s", error)
            tell_of_death(None, None, error)


def _pushed(raw: bytes, now_ms: int) -> tuple[str, bytes]:
    """Queue and payload of a job that enters a queue now.

    Raises:
        JobError: It cannot be read.
    """
    payload = decode(raw)
    return payload.message.queue, payload.encode(enqueued_at_ms=now_ms)
