"""`Failures`: the newest 1,000 failed runs, whatever became of their jobs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from shiftboss.client import current_client
from shiftboss.engines.sidekiq.sets import calls
from shiftboss.keys import SidekiqKeys

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.scripts import Call

MOST = 1_000


@dataclass(frozen=True, slots=True)
class FailedRun:
    """A run of a job that raised.

    Args:
        at: When that was recorded.
        jid: The job's id.
        name: The job's name; empty if its payload could not be read.
        queue: Where it was taken from.
        error: The class of what it raised.
        message: What that said, the first 500 characters.
        attempt: How often the job had failed before.
        host: Where it ran.
        became: What became of the job: ``retry``, ``dead`` or ``drop``.
        backtrace: The innermost 20 frames, outermost first.
    """

    at: datetime
    jid: str
    name: str
    queue: str
    error: str
    message: str
    attempt: int
    host: str
    became: str
    backtrace: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {**asdict(self), "at": self.at.isoformat(), "backtrace": list(self.backtrace)}


class Failures:
    """The newest failed runs, newest first. They are kept for 180 days after the last one.

    Args:
        client: Whose Redis; default the current client.
    """

    def __init__(self, *, client: Shiftboss | None = None) -> None:
        self._client = client or current_client()
        self._keys = SidekiqKeys(self._client.namespace)

    def __len__(self) -> int:
        """How many are kept. One round trip."""
        return self._client.store.run(calls.size_of_queue(self._keys.failures))

    async def acount(self) -> int:
        """As `len`, for coroutines."""
        return await self._client.astore.run(calls.size_of_queue(self._keys.failures))

    def __iter__(self) -> Iterator[FailedRun]:
        """All that are kept. One round trip."""
        yield from self.page(0, MOST)

    async def __aiter__(self) -> AsyncIterator[FailedRun]:
        """As iterating, for coroutines."""
        for failure in await self.apage(0, MOST):
            yield failure

    def page(self, first: int, count: int) -> list[FailedRun]:
        """Some of them, by their places from 0. One round trip."""
        return [_read(item) for item in self._client.store.run(self._call(first, count))]

    async def apage(self, first: int, count: int) -> list[FailedRun]:
        """As `page`, for coroutines."""
        return [_read(item) for item in await self._client.astore.run(self._call(first, count))]

    def clear(self) -> None:
        """Forget them. One round trip."""
        self._client.store.run(calls.forget([self._keys.failures]))

    async def aclear(self) -> None:
        """As `clear`, for coroutines."""
        await self._client.astore.run(calls.forget([self._keys.failures]))

    def _call(self, first: int, count: int) -> Call[list[bytes]]:
        return calls.newest_failures(self._keys, first, count)


def _read(item: bytes) -> FailedRun:
    at, _, text = item.partition(b" ")
    kept = msgspec.json.decode(text, type=dict[str, Any])
    return FailedRun(
        datetime.fromtimestamp(int(at) / 1000, UTC),
        kept.get("jid", ""),
        kept.get("class", ""),
        kept.get("queue", ""),
        kept.get("error", ""),
        kept.get("message", ""),
        kept.get("attempt", 0),
        kept.get("host", ""),
        kept.get("kept", ""),
        tuple(kept.get("backtrace", ())),
    )
