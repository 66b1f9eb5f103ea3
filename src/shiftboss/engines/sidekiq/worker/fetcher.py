"""Taking jobs from the queues: as many as there are idle slots, never one that is then forgotten."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.payload import decode
from shiftboss.engines.sidekiq.worker import calls
from shiftboss.engines.sidekiq.worker.backoff import Backoff
from shiftboss.engines.sidekiq.worker.hold import Hold, Run, unknown
from shiftboss.engines.sidekiq.worker.lookout import Lookouts
from shiftboss.engines.sidekiq.worker.outage import AWAY, Outage
from shiftboss.engines.sidekiq.worker.queues import Queues
from shiftboss.errors import JobError
from shiftboss.service import Service, Signal
from shiftboss.text import plural

if TYPE_CHECKING:
    from shiftboss.keys import SidekiqKeys
    from shiftboss.store import Store

log = logging.getLogger("shiftboss.worker")
# A fetcher that has nothing to do is told when there is; this is only how long it would sleep otherwise.
FULL = 5.0
# How long jobs that were taken may wait to begin before more are taken all the same: one may block the event loop.
MOMENT = 0.05


class Fetcher(Service):
    """Moves jobs into this process's in-flight list and hands them on.

    A fetch whose reply is lost may have moved jobs that nobody here knows of. So after an error, and whenever the list is
    longer than what is in hand, the list is read and what is unknown is run, before anything else is fetched.

    It takes nothing while jobs that it has just taken wait to begin. Else short jobs would part into two groups, of which one
    is fetched while the other runs; they would stay so, and each job would cost up to twice the round trips.

    Args:
        store: Where the queues are.
        keys: The protocol's names.
        identity: This process.
        queues: Which ones, in which order.
        hold: What is in hand.
        hand_on: Given the jobs that were taken, and the sign that some may have become unwanted, if it was seen.
        waiting: How many of those have not begun yet.
        rested: Called once it has been asked to stop and nothing more will be taken.
        outage: Is told when Redis is away and when it is back.
    """

    def __init__(
        self,
        store: Store,
        keys: SidekiqKeys,
        identity: str,
        queues: Queues,
        hold: Hold,
        hand_on: Callable[[Sequence[Run], str | None], None],
        waiting: Callable[[], int],
        rested: Callable[[], None],
        outage: Outage,
    ) -> None:
        super().__init__("shiftboss-fetcher")
        self.reconciled: Signal[int] = Signal()
        self.fetched: Signal[float] = Signal()
        self._store = store
        self._keys = keys
        self._identity = identity
        self._queues = queues
        self._hold = hold
        self._hand_on = hand_on
        self._waiting = waiting
        self._rested = rested
        self._outage = outage
        self._lookouts = Lookouts(store, keys, queues.names, self._rung)
        self._stepping = threading.Lock()
        self._backoff = Backoff(0.05, 2.0)
        self._in_doubt = False
        self._held_up = False
        self._taken = 0.0

    def room(self) -> None:
        """There may be room for jobs now: one has ended, or all that were taken have begun."""
        if self._held_up and self._hold.free and not self._waiting():
            self._held_up = False
            self.nudge()

    def run(self) -> None:
        self._lookouts.start()
        while not self.stopping:
            with self._stepping:
                pause = self._try()
            if pause:
                self.pause(pause)
        # One that was rung may still be fetching.
        with self._stepping:
            self._rested()
        self._lookouts.stop()

    def _rung(self) -> None:
        """There may be something. Whoever noticed fetches it, for waking another thread costs as much as the fetch."""
        done = False
        if self._stepping.acquire(blocking=False):
            try:
                done = self.stopping or (self._try() > MOMENT and not self._in_doubt)
            finally:
                self._stepping.release()
        if not done:
            self.nudge()

    def _try(self) -> float:
        """Fetch once; seconds to wait before the next time."""
        try:
            pause = self._step()
        except AWAY as error:
            self._outage.lost(error)
        except Exception:
            log.exception("fetching failed; it goes on")
        else:
            self._backoff.reset()
            return pause
        self._in_doubt = True
        return self._backoff.next()

    def _step(self) -> float:
        if self._in_doubt:
            self._reconcile()
        if pause := self._until_room():
            return pause
        free = min(self._hold.free, calls.MOST_JOBS)
        known = self._hold.held
        fetched = self._store.run(calls.fetch(self._keys, self._identity, free, self._queues.order()))
        self._outage.back()
        self.fetched.fire(time.monotonic())
        if fetched.jobs:
            self._taken = time.monotonic()
            self._hand_on(self._hold.take(fetched.jobs), fetched.unwanted)
        # What is in hand only shrinks behind our back, and the list before it does: more in the list is more than we know.
        self._in_doubt = fetched.held > known + len(fetched.jobs)
        if fetched.jobs:
            self._lookouts.found()
        if self._in_doubt or len(fetched.jobs) == free:
            return 0.0
        # Fewer than there was room for: the queues are empty, and whatever comes next is noticed.
        return self._lookouts.rest(fetched.paused)

    def _until_room(self) -> float:
        """Seconds to wait at most until there is room; 0 if there is some."""
        # First this, then the questions: whoever makes room in between sees that it is wanted.
        self._held_up = True
        if not self._hold.free:
            return FULL
        if self._waiting() and (left := self._taken + MOMENT - time.monotonic()) > 0:
            return left
        self._held_up = False
        return 0.0

    def _reconcile(self) -> None:
        known = self._hold.payloads()
        strays = unknown(self._store.run(calls.held(self._keys, self._identity)), known)
        self._in_doubt = False
        if strays:
            log.warning("a fetch whose reply was lost has taken %s, to be run now", plural(len(strays), "job"))
            self._hand_on(self._hold.take([(queue_of(raw), raw) for raw in strays]), None)
        self.reconciled.fire(len(strays))


def queue_of(raw: bytes) -> str:
    """The queue that a payload names; empty if it cannot be read."""
    try:
        return decode(raw).message.queue
    except JobError:
        return ""
