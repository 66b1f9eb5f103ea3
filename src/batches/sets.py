"""`BatchSet`: all batches, newest first, without scanning the keyspace."""

from __future__ import annotations

import heapq
import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shiftboss.client import current_client
from shiftboss.errors import ConfigError
from shiftboss.keys import ShardKeys, shard_of, shards
from shiftboss.plan import Plan, run_many

from . import calls
from .reading import read_statuses
from .status import STATES, Status

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

PAGE = 100
CHUNK = 16
# How many batches are looked at for one page of those that are wanted.
LOOKED_AT = 1_000
_MARK = re.compile(r"(\d{1,15})-([0-9A-Za-z_-]{1,64})")
_DOWNWARDS = bytes(255 - byte for byte in range(256))


@dataclass(frozen=True, slots=True)
class BatchPage:
    """Some batches, newest first.

    Args:
        statuses: Their statuses.
        before: Where the next page goes on; empty at the end. A page may be short, even empty, before that: of batches with
            a filter only so many are looked at for one page.
    """

    statuses: tuple[Status, ...]
    before: str


class BatchSet:
    """All batches that Redis knows, newest first, read in pages.

    Args:
        tag: Only those with this tag.
        text: Only those with this in their description or id.
        state: Only those in this state; see `Status.state`.
        client: Whose Redis; default the current client.

    Raises:
        ConfigError: A filter that cannot be one, such as an unknown state.

    Example:
        >>> from shiftboss import Shiftboss
        >>> with Shiftboss("fake://nothing-yet"):
        ...     len(BatchSet())
        0
    """

    def __init__(
        self,
        *,
        tag: str | None = None,
        text: str | None = None,
        state: str | None = None,
        client: Shiftboss | None = None,
    ) -> None:
        for name, value in (("tag", tag), ("text", text)):
            if value is not None and not isinstance(value, str):
                raise ConfigError(f"expected {name} to be a string or None, got {value!r}")
        if state is not None and state not in STATES:
            raise ConfigError(f"expected state to be one of {', '.join(STATES)}, got {state!r}")
        self._tag, self._text, self._state = tag, text, state
        self._client = client or current_client()
        self._shards = shards(self._client.namespace)

    def __len__(self) -> int:
        """How many batches are listed, without filters. One round trip."""
        return sum(self._client.store.run_many([calls.count(shard) for shard in self._shards]))

    async def acount(self) -> int:
        """As `len`, for coroutines."""
        return sum(await self._client.astore.run_many([calls.count(shard) for shard in self._shards]))

    def __iter__(self) -> Iterator[Status]:
        """Their statuses. Two round trips for each 100 or so."""
        bids = _Newest(self._shards)
        while (page := self._client.perform(self._page(bids))) is not None:
            yield from filter(self._wanted, page)

    async def __aiter__(self) -> AsyncIterator[Status]:
        """As iterating, for coroutines."""
        bids = _Newest(self._shards)
        while (page := await self._client.aperform(self._page(bids))) is not None:
            for status in filter(self._wanted, page):
                yield status

    def page(self, count: int, before: str = "") -> BatchPage:
        """Some of them, from where another page ended. Two round trips for each 100 that are looked at, 1,000 at most.

        Args:
            count: How many at most.
            before: What the page before says under `before`; empty for the newest.

        Raises:
            ConfigError: That is not what a page said; or not a number of batches.
        """
        return self._client.perform(self._some(count, before))

    async def apage(self, count: int, before: str = "") -> BatchPage:
        """As `page`, for coroutines."""
        return await self._client.aperform(self._some(count, before))

    def _some(self, count: int, before: str) -> Plan[BatchPage]:
        if type(count) is not int or count < 1:
            raise ConfigError(f"expected count to be a number of batches, 1 or more, got {count!r}")
        bids, found, looked = _Newest(self._shards, before), list[Status](), 0
        filtered = any(wanted is not None for wanted in (self._tag, self._text, self._state))
        while len(found) < count and looked < LOOKED_AT:
            ids = yield from bids.take(PAGE if filtered else count - len(found))
            if not ids:
                return BatchPage(tuple(found), "")
            looked += len(ids)
            for status in filter(self._wanted, (yield from _statuses(self._client, ids))):
                found.append(status)
                if len(found) == count:
                    return BatchPage(tuple(found), f"{round(status.created_at.timestamp() * 1000)}-{status.bid}")
        return BatchPage(tuple(found), bids.mark)

    def _page(self, bids: _Newest) -> Plan[list[Status] | None]:
        page = yield from bids.take(PAGE)
        return (yield from _statuses(self._client, page)) if page else None

    def _wanted(self, status: Status) -> bool:
        return (
            (self._tag is None or self._tag in status.tags)
            and (self._text is None or self._text.lower() in f"{status.description} {status.bid}".lower())
            and (self._state is None or status.state == self._state)
        )


class _Newest:
    """Merges the shards' lists, which are each sorted, reading on in a shard when what was read of it is used up.

    Args:
        shards: Whose lists.
        before: The mark to go on after; empty to begin with the newest.
    """

    def __init__(self, shards: list[ShardKeys], before: str = "") -> None:
        self.mark = before
        self._until, self._last = _place(before)
        self._heap: list[tuple[int, bytes, str]] = []
        self._read = dict.fromkeys((shard.shard for shard in shards), 0)
        self._left = dict.fromkeys(self._read, 0)
        self._shards = {shard.shard: shard for shard in shards}
        self._hungry = set(self._read)

    def take(self, n: int) -> Plan[list[str]]:
        """The next n ids, fewer at the end."""
        taken: list[str] = []
        while len(taken) < n:
            if self._hungry:
                yield from self._fill()
            if not self._heap:
                break
            at, _, bid = heapq.heappop(self._heap)
            if (-at, bid) < self._last:
                taken.append(bid)
                self.mark = f"{-at}-{bid}"
            shard = shard_of(bid)
            self._left[shard] -= 1
            if not self._left[shard] and self._read[shard] % CHUNK == 0:
                self._hungry.add(shard)
        return taken

    def _fill(self) -> Plan[None]:
        hungry = sorted(self._hungry)
        self._hungry.clear()
        asked = [calls.listed(self._shards[s], self._read[s], CHUNK, self._until) for s in hungry]
        chunks = yield from run_many(asked)
        for shard, chunk in zip(hungry, chunks, strict=True):
            self._read[shard] += len(chunk)
            self._left[shard] += len(chunk)
            for bid, at in chunk:
                heapq.heappush(self._heap, (-at, bid.encode().translate(_DOWNWARDS), bid))


def _place(mark: str) -> tuple[float, tuple[float, str]]:
    """The time that a mark names, and what everything after it is below of, as Redis sorts: by time, then by id."""
    if not mark:
        return float("inf"), (float("inf"), "")
    found = _MARK.fullmatch(mark)
    if found is None:
        raise ConfigError(f"expected before to be what a page said, got {mark!r}")
    return int(found[1]), (int(found[1]), found[2])


def all_statuses(client: Shiftboss) -> Plan[list[Status]]:
    """The statuses of all batches, newest first, as a plan."""
    found, bids = list[Status](), _Newest(shards(client.namespace))
    while page := (yield from bids.take(PAGE)):
        found += yield from _statuses(client, page)
    return found


def _statuses(client: Shiftboss, bids: list[str]) -> Plan[list[Status]]:
    """The statuses of ids, and off the list with those whose record has expired."""
    found = yield from read_statuses(client, bids)
    expired: dict[str, list[str]] = {}
    for bid, status in zip(bids, found, strict=True):
        if status is None:
            expired.setdefault(shard_of(bid), []).append(bid)
    if expired:
        yield from run_many([calls.unlist(ShardKeys(client.namespace, s), gone) for s, gone in expired.items()])
    return [status for status in found if status is not None]
