"""`ScheduledSet`, `RetrySet`, `DeadSet`: jobs that wait for a time, or for somebody to look at them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.sets import calls
from shiftboss.engines.sidekiq.sets.entry import Entry
from shiftboss.engines.sidekiq.sets.place import PAGE, Place
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import Plan, run

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.scripts import Call

_SPECIAL = str.maketrans({sign: f"\\{sign}" for sign in "*?[]^\\"})


class WaitingSet(Place):
    """Jobs by a time."""

    newest_first = False

    def page_call(self, first: int, count: int) -> Call[list[calls.Placed]]:
        return calls.in_set(self.key, first, count, self.newest_first)

    def size_call(self) -> Call[int]:
        return calls.size_of_set(self.key)

    def delete_call(self, payload: bytes) -> Call[bool]:
        return calls.delete_from_set(self.key, payload)

    def retry_all(self) -> int:
        """Put all jobs that are there now into their queues; how many. What cannot be read stays. One round trip each."""
        return self.client.perform(self._each(Entry._retry))

    async def aretry_all(self) -> int:
        """As `retry_all`, for coroutines."""
        return await self.client.aperform(self._each(Entry._retry))

    def kill_all(self) -> int:
        """Move all jobs that are there now to the dead; how many. One round trip each, two for a batch's member."""
        return self.client.perform(self._each(Entry._kill))

    async def akill_all(self) -> int:
        """As `kill_all`, for coroutines."""
        return await self.client.aperform(self._each(Entry._kill))

    def _each(self, action: Callable[[Entry], Plan[bool]]) -> Plan[int]:
        """Do something to every job that is there now."""
        left = yield from run(self.size_call())
        kept = done = 0
        while left > 0 and (page := (yield from self._page(kept, min(left, PAGE)))):
            left -= len(page)
            for entry in page:
                moved = entry.payload is not None and (yield from action(entry))
                done += moved
                kept += entry.payload is None
        return done

    def _find(self, jid: str) -> Plan[Entry | None]:
        cursor = b"0"
        while True:
            cursor, placed = yield from run(calls.matching(self.key, cursor, f"*{jid.translate(_SPECIAL)}*"))
            for raw, score in placed:
                entry = Entry.read(raw, score, self)
                if entry.jid == jid:
                    return entry
            if cursor == b"0":
                return None

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class ScheduledSet(WaitingSet):
    """Jobs that are due later, the next one first.

    Args:
        client: Whose Redis; default the current client.

    Example:
        >>> from shiftboss import ScheduledSet, Shiftboss, job
        >>> @job
        ... def greet_later(name: str) -> None: ...
        >>> with Shiftboss("fake://scheduled-doc"):
        ...     jid = greet_later.perform_in(3600, "Ada")
        ...     len(ScheduledSet()), ScheduledSet().find(jid).retry(), len(ScheduledSet())
        (1, True, 0)
    """

    def __init__(self, *, client: Shiftboss | None = None) -> None:
        super().__init__(SidekiqKeys.schedule, client)


class RetrySet(WaitingSet):
    """Jobs that have failed and will run again, the next one first.

    Args:
        client: Whose Redis; default the current client.
    """

    def __init__(self, *, client: Shiftboss | None = None) -> None:
        super().__init__(SidekiqKeys.retry, client)


class DeadSet(WaitingSet):
    """Jobs that will not run again unless somebody says so, the newest first: 10,000 at most, for 180 days.

    Args:
        client: Whose Redis; default the current client.
    """

    newest_first = True

    def __init__(self, *, client: Shiftboss | None = None) -> None:
        super().__init__(SidekiqKeys.dead, client)
