"""`Place`: what queues and sets of waiting jobs have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Iterator
from typing import TYPE_CHECKING

from shiftboss.client import current_client
from shiftboss.engines.sidekiq.sets import calls
from shiftboss.engines.sidekiq.sets.entry import Entry
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import Plan, run

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.scripts import Call

PAGE = 100
# How many pages back a job is known to have been seen.
REMEMBERED = 4


class Place(ABC):
    """Where jobs wait. Iterating reads it in pages; jobs may be moved or deleted on the way.

    Args:
        key: In Redis.
        client: Whose Redis; default the current client.
    """

    def __init__(self, key: str, client: Shiftboss | None = None) -> None:
        self.client = client or current_client()
        self.keys = SidekiqKeys(self.client.namespace)
        self.key = key

    @abstractmethod
    def page_call(self, first: int, count: int) -> Call[list[calls.Placed]]:
        """Reads some jobs in the order of the place."""

    @abstractmethod
    def size_call(self) -> Call[int]:
        """Counts the jobs."""

    @abstractmethod
    def delete_call(self, payload: bytes) -> Call[bool]:
        """Drops one job."""

    def __len__(self) -> int:
        """How many jobs wait. One round trip."""
        return self.client.store.run(self.size_call())

    def __bool__(self) -> bool:
        return True

    async def acount(self) -> int:
        """As `len`, for coroutines."""
        return await self.client.astore.run(self.size_call())

    def __iter__(self) -> Iterator[Entry]:
        """Its jobs. One round trip for each 100."""
        reading = _Reading(self)
        while (page := self.client.perform(reading.next())) is not None:
            yield from page

    async def __aiter__(self) -> AsyncIterator[Entry]:
        """As iterating, for coroutines."""
        reading = _Reading(self)
        while (page := await self.client.aperform(reading.next())) is not None:
            for entry in page:
                yield entry

    def page(self, first: int, count: int) -> list[Entry]:
        """Some of its jobs, by their places from 0. One round trip."""
        return self.client.perform(self._page(first, count))

    async def apage(self, first: int, count: int) -> list[Entry]:
        """As `page`, for coroutines."""
        return await self.client.aperform(self._page(first, count))

    def find(self, jid: str) -> Entry | None:
        """The job of this id, or None. It reads all of the place."""
        return self.client.perform(self._find(jid))

    async def afind(self, jid: str) -> Entry | None:
        """As `find`, for coroutines."""
        return await self.client.aperform(self._find(jid))

    def clear(self) -> int:
        """Drop all jobs; how many there were. One round trip."""
        return self.client.store.run(self._clear_call())

    async def aclear(self) -> int:
        """As `clear`, for coroutines."""
        return await self.client.astore.run(self._clear_call())

    def _clear_call(self) -> Call[int]:
        return calls.clear(self.keys, self.key, "")

    def _page(self, first: int, count: int) -> Plan[list[Entry]]:
        placed = yield from run(self.page_call(first, count))
        return [Entry.read(raw, score, self) for raw, score in placed]

    def _find(self, jid: str) -> Plan[Entry | None]:
        reading = _Reading(self)
        while (page := (yield from reading.next())) is not None:
            for entry in page:
                if entry.jid == jid:
                    return entry
        return None


class _Reading:
    """Reads a place from one end to the other while it changes.

    Each page is read together with the one before: as many jobs as that may have left in between, and none is missed. Jobs
    that were seen already are left out.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._end = 0
        self._seen: deque[frozenset[bytes]] = deque(maxlen=REMEMBERED)

    def next(self) -> Plan[list[Entry] | None]:
        """The next jobs; None after the last."""
        while True:
            first = max(0, self._end - PAGE)
            placed = yield from run(self._place.page_call(first, self._end - first + PAGE))
            if not placed:
                return None
            news = [(raw, score) for raw, score in placed if not any(raw in seen for seen in self._seen)]
            at_the_end = len(placed) < self._end - first + PAGE
            self._end = first + len(placed)
            self._seen.append(frozenset(raw for raw, _ in news))
            if news:
                return [Entry.read(raw, score, self._place) for raw, score in news]
            if at_the_end:
                return None
