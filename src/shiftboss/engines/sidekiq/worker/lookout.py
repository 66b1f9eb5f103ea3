"""Noticing a push: one connection per queue that blocks, where a server can; asking again and again where not.

Ruby processes push with a plain LPUSH, and a script cannot block. So a blocking move from the end of a queue to the same
end waits: it leaves the list as it is, and wakes whoever waits after it too.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.worker import calls
from shiftboss.engines.sidekiq.worker.backoff import Backoff
from shiftboss.engines.sidekiq.worker.outage import AWAY
from shiftboss.service import Service

if TYPE_CHECKING:
    from shiftboss.keys import SidekiqKeys
    from shiftboss.store import Line, Store

log = logging.getLogger("shiftboss.worker")
MOST_CONNECTIONS = 8
WAIT = 5.0
# How long an idle worker rests before it asks anyway, and how long if a queue is paused, for nobody tells of its end.
IDLE = 10.0
PAUSED = 1.0


class Lookouts:
    """What an idle worker waits with.

    Args:
        store: Where the queues are.
        keys: The protocol's names.
        names: The queues.
        ring: Called from any thread when there may be something to fetch.
    """

    def __init__(self, store: Store, keys: SidekiqKeys, names: Sequence[str], ring: Callable[[], None]) -> None:
        self.blocking = store.server.blocks and len(names) <= MOST_CONNECTIONS
        self._lookouts = {name: Lookout(store, keys, name, ring) for name in names} if self.blocking else {}
        self._asking = Backoff(0.05, 1.0 if store.server.blocks else 0.05)
        self._count = len(names)

    def start(self) -> None:
        if self._count > MOST_CONNECTIONS:
            log.info("%d queues: more than %d are polled, every 50 ms to 1 s", self._count, MOST_CONNECTIONS)
        for lookout in self._lookouts.values():
            lookout.start()

    def stop(self) -> None:
        for lookout in self._lookouts.values():
            lookout.ask_to_stop()
        for lookout in self._lookouts.values():
            lookout.stop()

    def found(self) -> None:
        """There was something: a queue that is polled is asked again soon."""
        self._asking.reset()

    def rest(self, paused: Collection[str]) -> float:
        """Nothing is there: watch all queues that are not paused; how many seconds to wait at most."""
        if not self.blocking:
            return self._asking.next()
        for name, lookout in self._lookouts.items():
            if name not in paused:
                lookout.arm()
        return PAUSED if paused else IDLE


class Lookout(Service):
    """Watches one queue: once armed, it rings as soon as the queue has a job, and rests until it is armed again."""

    def __init__(self, store: Store, keys: SidekiqKeys, name: str, ring: Callable[[], None]) -> None:
        super().__init__(f"shiftboss-lookout-{name}")
        self._store = store
        self._keys = keys
        self._queue = name
        self._ring = ring
        self._armed = False
        self._line: Line | None = None

    def arm(self) -> None:
        """Ring once when there is something."""
        if not self._armed:
            self._armed = True
            self.nudge()

    def ask_to_stop(self) -> None:
        super().ask_to_stop()
        if self._line is not None:
            with suppress(*AWAY):
                self._line.close()

    def run(self) -> None:
        backoff = Backoff(0.05, 1.0)
        while not self.stopping:
            try:
                with self._store.line(self._keys.queue(self._queue)) as self._line:
                    while not self.stopping:
                        self._watch(self._line)
                        backoff.reset()
            except AWAY:
                # The fetch says what is wrong. A server that is full refuses the move, but a fetch still empties it.
                self.pause(backoff.next())
                self._ring()

    def _watch(self, line: Line) -> None:
        if not self._armed:
            self.pause(3600)
        elif line.run(calls.wait_for(self._keys, self._queue, WAIT), WAIT):
            self._armed = False
            self._ring()
