"""`Queue`: jobs that wait to be run."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shiftboss.client import current_client
from shiftboss.engines.sidekiq.options import NAME_LIMIT, is_word
from shiftboss.engines.sidekiq.payload import decode
from shiftboss.engines.sidekiq.sets import calls
from shiftboss.engines.sidekiq.sets.place import Place
from shiftboss.errors import ConfigError, JobError
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import Plan, run

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.engines.sidekiq.sets.entry import Entry
    from shiftboss.scripts import Call

# How far from its last place a job is looked for first: others come and go meanwhile.
NEAR = 200


class Queue(Place):
    """A queue: its jobs, newest first.

    Args:
        name: The queue's name.
        client: Whose Redis; default the current client.

    Raises:
        ConfigError: The name cannot be one.

    Example:
        >>> from shiftboss import Queue, Shiftboss, job
        >>> @job
        ... def greet(name: str) -> None: ...
        >>> with Shiftboss("fake://queue-doc"):
        ...     jid = greet.perform_async("Ada")
        ...     [entry.args for entry in Queue()], Queue().find(jid).delete(), len(Queue())
        ([('Ada',)], True, 0)
    """

    def __init__(self, name: str = "default", *, client: Shiftboss | None = None) -> None:
        if not is_word(name):
            raise ConfigError(f"expected a queue name of 1 to {NAME_LIMIT} characters without spaces, got {name!r}")
        client = client or current_client()
        super().__init__(SidekiqKeys(client.namespace).queue(name), client)
        self.name = name

    @classmethod
    def all(cls, *, client: Shiftboss | None = None) -> list[Queue]:
        """Every queue that a job was pushed to, by name. One round trip."""
        client = client or current_client()
        return client.perform(cls._all(client))

    @classmethod
    async def aall(cls, *, client: Shiftboss | None = None) -> list[Queue]:
        """As `all`, for coroutines."""
        client = client or current_client()
        return await client.aperform(cls._all(client))

    def pause(self) -> bool:
        """Have no worker take jobs of it until `resume`; False if that was so. One round trip."""
        return self.client.store.run(calls.add(self.keys.paused, self.name))

    async def apause(self) -> bool:
        """As `pause`, for coroutines."""
        return await self.client.astore.run(calls.add(self.keys.paused, self.name))

    def resume(self) -> bool:
        """End a pause; False if there was none. One round trip."""
        return self.client.store.run(calls.drop(self.keys.paused, self.name))

    async def aresume(self) -> bool:
        """As `resume`, for coroutines."""
        return await self.client.astore.run(calls.drop(self.keys.paused, self.name))

    def is_paused(self) -> bool:
        """Whether it rests. One round trip."""
        return self.client.store.run(calls.is_member(self.keys.paused, self.name))

    async def ais_paused(self) -> bool:
        """As `is_paused`, for coroutines."""
        return await self.client.astore.run(calls.is_member(self.keys.paused, self.name))

    def latency(self) -> float:
        """For how many seconds its oldest job has waited; 0 if there is none. One round trip."""
        return self.client.perform(self._latency())

    async def alatency(self) -> float:
        """As `latency`, for coroutines."""
        return await self.client.aperform(self._latency())

    def find(self, jid: str, near: int = 0) -> Entry | None:
        """The job of this id, or None. It reads all of the queue, unless the job is not far from where it was last seen.

        Args:
            jid: The job's id.
            near: Its place then, from 0.
        """
        return self.client.perform(self._find(jid, near))

    async def afind(self, jid: str, near: int = 0) -> Entry | None:
        """As `find`, for coroutines."""
        return await self.client.aperform(self._find(jid, near))

    def page_call(self, first: int, count: int) -> Call[list[calls.Placed]]:
        return calls.in_queue(self.key, first, count)

    def size_call(self) -> Call[int]:
        return calls.size_of_queue(self.key)

    def delete_call(self, payload: bytes) -> Call[bool]:
        return calls.delete_from_queue(self.key, payload)

    def _clear_call(self) -> Call[int]:
        return calls.clear(self.keys, self.key, self.name)

    def _latency(self) -> Plan[float]:
        return waited((yield from run(calls.oldest(self.key))))

    def _find(self, jid: str, near: int = 0) -> Plan[Entry | None]:
        close = yield from self._page(max(0, near - NEAR), 2 * NEAR)
        found = next((entry for entry in close if entry.jid == jid), None)
        return found or (yield from super()._find(jid))

    @classmethod
    def _all(cls, client: Shiftboss) -> Plan[list[Queue]]:
        names = yield from run(calls.members(SidekiqKeys.queues))
        return [cls(name, client=client) for name in names if is_word(name)]

    def __repr__(self) -> str:
        return f"Queue({self.name!r})"


def waited(oldest: bytes | None) -> float:
    """For how many seconds a job has been in its queue."""
    try:
        since = decode(oldest).enqueued_at_ms if oldest is not None else None
    except JobError:
        since = None
    return 0.0 if since is None else max(0.0, time.time() - since / 1000)
