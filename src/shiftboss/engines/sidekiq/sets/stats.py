"""`Stats`: how much there is of everything."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shiftboss.client import current_client
from shiftboss.engines.sidekiq.sets import calls
from shiftboss.engines.sidekiq.sets.processes import process_of
from shiftboss.engines.sidekiq.sets.queue import waited
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import Plan, run_many

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.scripts import Call


@dataclass(frozen=True, slots=True)
class QueueStats:
    """A queue, counted.

    Args:
        name: The queue's name.
        size: How many jobs wait in it.
        latency: For how many seconds the oldest has.
        paused: Whether it rests.
        workers: How many worker processes serve it and take jobs.
    """

    name: str
    size: int
    latency: float
    paused: bool
    workers: int


@dataclass(frozen=True, slots=True)
class Stats:
    """How much there is of everything, at one moment.

    Args:
        processed: Runs since the counters were reset, failed ones too.
        failed: Failed runs since then.
        scheduled: Jobs that are due later.
        retries: Jobs that have failed and will run again.
        dead: Jobs that will not run again.
        processes: Worker processes.
        busy: Jobs that run.
        queues: Each queue that has jobs, had some, or rests.
    """

    processed: int
    failed: int
    scheduled: int
    retries: int
    dead: int
    processes: int
    busy: int
    queues: tuple[QueueStats, ...]

    @property
    def enqueued(self) -> int:
        """Jobs that wait in queues."""
        return sum(queue.size for queue in self.queues)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {**asdict(self), "enqueued": self.enqueued, "queues": [asdict(queue) for queue in self.queues]}

    @classmethod
    def read(cls, *, client: Shiftboss | None = None) -> Stats:
        """Count now. Two round trips.

        Example:
            >>> from shiftboss import Shiftboss, Stats
            >>> with Shiftboss("fake://stats-doc"):
            ...     Stats.read().enqueued
            0
        """
        client = client or current_client()
        return client.perform(_read(client))

    @classmethod
    async def aread(cls, *, client: Shiftboss | None = None) -> Stats:
        """As `read`, for coroutines."""
        client = client or current_client()
        return await client.aperform(_read(client))

    @classmethod
    def reset(cls, *, client: Shiftboss | None = None) -> None:
        """Set the counts of runs back to 0; those of single days stay. One round trip."""
        client = client or current_client()
        client.store.run(calls.forget([SidekiqKeys.processed, SidekiqKeys.failed]))

    @classmethod
    async def areset(cls, *, client: Shiftboss | None = None) -> None:
        """As `reset`, for coroutines."""
        client = client or current_client()
        await client.astore.run(calls.forget([SidekiqKeys.processed, SidekiqKeys.failed]))

    @classmethod
    def history(cls, days: int = 30, *, client: Shiftboss | None = None) -> dict[date, tuple[int, int]]:
        """Runs and failed runs of the last days in UTC, today first. One round trip."""
        client = client or current_client()
        return client.perform(_history(client, days))

    @classmethod
    async def ahistory(cls, days: int = 30, *, client: Shiftboss | None = None) -> dict[date, tuple[int, int]]:
        """As `history`, for coroutines."""
        client = client or current_client()
        return await client.aperform(_history(client, days))


def _read(client: Shiftboss) -> Plan[Stats]:
    keys = SidekiqKeys(client.namespace)
    pushed_to, paused, processes = yield from run_many(
        [calls.members(name) for name in (keys.queues, keys.paused, keys.processes)]
    )
    names = sorted({*pushed_to, *paused})
    sizes: list[Call[Any]] = [calls.size_of_queue(keys.queue(name)) for name in names]
    oldest: list[Call[Any]] = [calls.oldest(keys.queue(name)) for name in names]
    beats: list[Call[Any]] = [calls.fields(keys.process(name)) for name in processes]
    totals: list[Call[Any]] = [calls.number(keys.processed), calls.number(keys.failed)]
    totals += [calls.size_of_set(name) for name in (keys.schedule, keys.retry, keys.dead)]
    found: list[Any] = yield from run_many([*totals, *sizes, *oldest, *beats])
    lengths, waiting = found[5 : 5 + len(names)], found[5 + len(names) : 5 + 2 * len(names)]
    read = (process_of(client, *beat) for beat in zip(processes, found[5 + 2 * len(names) :], strict=True))
    alive = [process for process in read if process is not None]
    serving = Counter(name for process in alive if not process.quiet for name in set(process.queues))
    queues = [
        QueueStats(name, size, waited(first), name in paused, serving[name])
        for name, size, first in zip(names, lengths, waiting, strict=True)
    ]
    processed, failed, scheduled, retries, dead = found[:5]
    busy = sum(process.busy for process in alive)
    return Stats(processed, failed, scheduled, retries, dead, len(alive), busy, tuple(queues))


def _history(client: Shiftboss, days: int) -> Plan[dict[date, tuple[int, int]]]:
    keys, today = SidekiqKeys(client.namespace), datetime.now(UTC).date()
    dates = [today - timedelta(days=ago) for ago in range(days)]
    counters = [make(day.isoformat()) for day in dates for make in (keys.processed_on, keys.failed_on)]
    counts = yield from run_many([calls.number(counter) for counter in counters])
    return dict(zip(dates, zip(counts[::2], counts[1::2], strict=True), strict=True))
