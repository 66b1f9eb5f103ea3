"""`ScheduledSet`, `RetrySet`, `DeadSet`: jobs that wait for a time, or for somebody to look at them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.sets import calls
from shiftboss.engines.sidekiq.sets.entry import Entry
from shiftboss.engines.sidekiq.sets.place import PAGE, Place
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import Plan, run

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.scripts import Call

# Seconds by which a time that was read from a score may differ from it.
SLACK = 0.001
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
        """Move all jobs that are there now to the dead; how many. See `Entry.kill`."""
        return self.client.perform(self._each(Entry._kill))

    async def akill_all(self) -> int:
        """As `kill_all`, for coroutines."""
        return await self.client.aperform(self._each(Entry._kill))

    def find(self, jid: str, at: datetime | None = None) -> Entry | None:
        """The job of this id, or None. It reads all of the set, unless the job is where it was last seen.

        Args:
            jid: The job's id.
            at: The entry's time when it was last seen.
        """
        return self.client.perform(self._find(jid, at))

    async def afind(self, jid: str, at: datetime | None = None) -> Entry | None:
        """As `find`, for coroutines."""
        return await self.client.aperform(self._find(jid, at))

    def scan(self, text: str, cursor: str = "") -> tuple[list[Entry], str]:
        """Jobs with a text anywhere in their payload, whatever its case, among the next 1,000 or so. One round trip.

        Args:
            text: What is looked for; in a payload quotes and signs beyond ASCII may be escaped.
            cursor: What the call before returned; empty at the beginning.

        Returns:
            What was found, in no order, and where it goes on; empty at the end.
        """
        return self.client.perform(self._scan(text, cursor))

    async def ascan(self, text: str, cursor: str = "") -> tuple[list[Entry], str]:
        """As `scan`, for coroutines."""
        return await self.client.aperform(self._scan(text, cursor))

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

    def _find(self, jid: str, at: datetime | None = None) -> Plan[Entry | None]:
        if at is not None:
            seen = at.timestamp()
            placed = yield from run(calls.between(self.key, seen - SLACK, seen + SLACK, PAGE))
            found = self._named(jid, placed)
            if found is not None:
                return found
        cursor = ""
        while True:
            placed, cursor = yield from self._matching(jid.translate(_SPECIAL), cursor)
            found = self._named(jid, placed)
            if found is not None or not cursor:
                return found

    def _scan(self, text: str, cursor: str) -> Plan[tuple[list[Entry], str]]:
        placed, cursor = yield from self._matching("".join(map(_either_case, text)), cursor)
        return [Entry.read(raw, score, self) for raw, score in placed], cursor

    def _matching(self, pattern: str, cursor: str) -> Plan[tuple[list[calls.Placed], str]]:
        after, placed = yield from run(calls.matching(self.key, (cursor or "0").encode(), f"*{pattern}*"))
        return placed, "" if after == b"0" else after.decode()

    def _named(self, jid: str, placed: Sequence[calls.Placed]) -> Entry | None:
        entries = (Entry.read(raw, score, self) for raw, score in placed)
        return next((entry for entry in entries if entry.jid == jid), None)

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


def _either_case(sign: str) -> str:
    """A glob pattern for one sign."""
    return f"[{sign.lower()}{sign.upper()}]" if sign.isascii() and sign.isalpha() else sign.translate(_SPECIAL)


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
