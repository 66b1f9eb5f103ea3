"""`BatchHandle`: what can be asked of a batch, and done with it, once its id is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any, Self, TypeVar

from shiftboss.client import Shiftboss, current_client
from shiftboss.config import to_seconds
from shiftboss.errors import BatchNotFound
from shiftboss.jobs import CallbackOf, current_job
from shiftboss.keys import BatchKeys, shard_of
from shiftboss.plan import Plan, run

from . import calls
from .callbacks import check_event
from .family import descendants
from .join import ajoin, join
from .reading import read_statuses
from .results import aread_results, read_results
from .status import Status
from .withdrawal import delete, invalidate, is_valid

T = TypeVar("T")


class BatchHandle:
    """The part of `Batch` that needs no more than its id.

    Args:
        bid: The id.
        client: Whose Redis and engine; default the current client, at the first use.
        known: Whether Redis has heard of it.
    """

    def __init__(self, bid: str, client: Shiftboss | None, *, known: bool) -> None:
        self.bid = bid
        self._given = client
        self._known = known

    @property
    def client(self) -> Shiftboss:
        """Whose Redis and engine it uses."""
        if self._given is None:
            self._given = current_client()
        return self._given

    @property
    def keys(self) -> BatchKeys:
        return self.client.batch_keys(self.bid)

    def status(self) -> Status:
        """What it looks like now. One round trip.

        Raises:
            BatchNotFound: It was never flushed, or it has expired.
        """
        return self.client.perform(self.read())

    async def astatus(self) -> Status:
        """As `status`, for coroutines."""
        return await self.client.aperform(self.read())

    def join(
        self, timeout: timedelta | float | None = None, *, event: str = "success", progress: bool = False
    ) -> Status:
        """Wait until an event has happened, without polling.

        Args:
            timeout: Seconds, or a timedelta; None waits for ever.
            event: What to wait for.
            progress: Show a progress bar on the terminal.

        Returns:
            The status then.

        Raises:
            WaitTimeout: It did not happen in time.
            BatchError: It cannot happen by itself any more: jobs died, or the batch is broken.
            BatchNotFound: There is no such batch.
        """
        return join(self, to_seconds(timeout), check_event(event), progress)

    async def ajoin(
        self, timeout: timedelta | float | None = None, *, event: str = "success", progress: bool = False
    ) -> Status:
        """As `join`, for coroutines."""
        return await ajoin(self, to_seconds(timeout), check_event(event), progress)

    def results(self) -> Iterator[Any]:
        """What its members reported, in their order; those that reported nothing are left out. It must have been made with
        ``results=True``. Streamed: one round trip for each 500 members.
        """
        return read_results(self.client, self.bid)

    def aresults(self) -> AsyncIterator[Any]:
        """As `results`, for coroutines: ``async for``."""
        return aread_results(self.client, self.bid)

    def descendants(self, limit: int | None = None) -> list[Status]:
        """The batches below it, oldest first. A few round trips for each 500 batches of its shard.

        Args:
            limit: Only so many, those that were made last.
        """
        return self.client.perform(descendants(self.client, self.bid, limit))

    async def adescendants(self, limit: int | None = None) -> list[Status]:
        """As `descendants`, for coroutines."""
        return await self.client.aperform(descendants(self.client, self.bid, limit))

    def invalidate(self) -> bool:
        """Say that it is not wanted any more: members that have not started are left out and count as done, those of its
        descendants too. What runs goes on, unless it asks `valid`. Two round trips.

        Returns:
            Whether that is news.

        Raises:
            BatchNotFound: There is no such batch.
        """
        return self.client.perform(self._found(invalidate(self.client, self.bid)))

    async def ainvalidate(self) -> bool:
        """As `invalidate`, for coroutines."""
        return await self.client.aperform(self._found(invalidate(self.client, self.bid)))

    def valid(self) -> bool:
        """Whether neither it nor a batch above it was invalidated; for long jobs to ask. One round trip."""
        return self.client.perform(is_valid(self.client, self.bid))

    async def avalid(self) -> bool:
        """As `valid`, for coroutines."""
        return await self.client.aperform(is_valid(self.client, self.bid))

    def delete(self) -> bool:
        """Forget it. Jobs of it that wait still run, and count for nothing; to leave them out, `invalidate` it first. A
        child counts in its parent as done if it had succeeded or was invalidated, else as dead. Two round trips, and
        two for each level above.

        Returns:
            Whether it was there.
        """
        return self.client.perform(delete(self.client, self.bid))

    async def adelete(self) -> bool:
        """As `delete`, for coroutines."""
        return await self.client.aperform(delete(self.client, self.bid))

    def is_inside(self) -> Plan[bool]:
        """Whether this runs in a member or a callback of the batch, or in a callback of one below it."""
        job = current_job()
        of = None if job is None else job.message.batch
        if of is None or of.bid == self.bid:
            return of is not None
        if not isinstance(of, CallbackOf) or shard_of(of.bid) != shard_of(self.bid):
            return False
        (above,) = yield from run(calls.fields(self.client.batch_keys(of.bid), ["path"]))
        return self.bid in (above or "").split(",")

    def _check_exists(self) -> Plan[Self]:
        if not (yield from run(calls.exists(self.keys))):
            raise self.not_found()
        return self

    def read(self) -> Plan[Status]:
        """What it looks like now, as a plan."""
        return (yield from self._found(self._maybe()))

    def _maybe(self) -> Plan[Status | None]:
        return (yield from read_statuses(self.client, [self.bid]))[0]

    def _found(self, plan: Plan[T | None]) -> Plan[T]:
        """What a plan finds, or the error that says that there is no such batch."""
        found = yield from plan
        if found is None:
            raise self.not_found()
        return found

    def not_found(self) -> BatchNotFound:
        """The error that says that there is no such batch, and why."""
        if not self._known:
            return BatchNotFound(f"batch {self.bid} is not in Redis yet: its first jobs block has not ended")
        return BatchNotFound(f"no batch {self.bid}: it never was, or it has expired")
