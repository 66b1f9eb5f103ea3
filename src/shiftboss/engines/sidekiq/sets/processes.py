"""`ProcessSet`, `Workers`: who runs jobs, and what each is doing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from shiftboss.client import current_client
from shiftboss.engines.sidekiq.payload import Payload, decode
from shiftboss.engines.sidekiq.sets import calls
from shiftboss.errors import JobError
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import Plan, run, run_many

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

KEPT = 60


@dataclass(frozen=True, slots=True)
class Process:
    """A worker process, of Python or of Ruby, by its last heartbeat.

    Args:
        identity: Host, process id and a number of its own.
        info: What it said of itself when it started: hostname, pid, tag, concurrency, queues, labels, version.
        busy: How many jobs it ran.
        quiet: Whether it takes no more jobs.
        rss_kb: Its memory in kB.
        beat: When that was.
    """

    identity: str
    info: Mapping[str, Any]
    busy: int
    quiet: bool
    rss_kb: int
    beat: datetime
    _client: Shiftboss = field(repr=False, compare=False)

    @property
    def concurrency(self) -> int:
        return int(self.info.get("concurrency", 0))

    @property
    def queues(self) -> tuple[str, ...]:
        return tuple(map(str, self.info.get("queues", ())))

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(map(str, self.info.get("labels", ())))

    @property
    def started_at(self) -> datetime:
        return datetime.fromtimestamp(float(self.info.get("started_at", 0)), UTC)

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold."""
        return {
            "identity": self.identity,
            "hostname": self.info.get("hostname"),
            "pid": self.info.get("pid"),
            "labels": list(self.labels),
            "queues": list(self.queues),
            "concurrency": self.concurrency,
            "busy": self.busy,
            "quiet": self.quiet,
            "rss_kb": self.rss_kb,
            "started_at": self.started_at.isoformat(),
            "beat": self.beat.isoformat(),
        }

    def ask_to_quiet(self) -> None:
        """Have it take no more jobs, at its next heartbeat. One round trip."""
        self._client.perform(self._send("TSTP"))

    async def aask_to_quiet(self) -> None:
        """As `ask_to_quiet`, for coroutines."""
        await self._client.aperform(self._send("TSTP"))

    def ask_to_stop(self) -> None:
        """Have it stop, at its next heartbeat. One round trip."""
        self._client.perform(self._send("TERM"))

    async def aask_to_stop(self) -> None:
        """As `ask_to_stop`, for coroutines."""
        await self._client.aperform(self._send("TERM"))

    def _send(self, name: str) -> Plan[None]:
        keys = SidekiqKeys(self._client.namespace)
        yield from run_many([calls.signal(keys, self.identity, name), calls.expire(keys.signals(self.identity), KEPT)])


@dataclass(frozen=True, slots=True)
class Work:
    """A job that runs, by the last heartbeat of its process.

    Args:
        process: The identity of the process.
        thread: What the process calls the thread or task.
        queue: Where the job was taken from.
        since: When it began.
        payload: The job; None if it cannot be read.
    """

    process: str
    thread: str
    queue: str
    since: datetime
    payload: Payload | None


class ProcessSet:
    """All processes with a heartbeat of the last minute, by identity.

    Args:
        client: Whose Redis; default the current client.
    """

    def __init__(self, *, client: Shiftboss | None = None) -> None:
        self._client = client or current_client()

    def __len__(self) -> int:
        return len(self._client.perform(self._all()))

    async def acount(self) -> int:
        """As `len`, for coroutines."""
        return len(await self._client.aperform(self._all()))

    def __iter__(self) -> Iterator[Process]:
        """The processes. Two round trips."""
        yield from self._client.perform(self._all())

    async def __aiter__(self) -> AsyncIterator[Process]:
        """As iterating, for coroutines."""
        for process in await self._client.aperform(self._all()):
            yield process

    def find(self, identity: str) -> Process | None:
        """The process of this identity, or None. One round trip."""
        return self._client.perform(_read(self._client, [identity]))[0]

    async def afind(self, identity: str) -> Process | None:
        """As `find`, for coroutines."""
        return (await self._client.aperform(_read(self._client, [identity])))[0]

    def _all(self) -> Plan[list[Process]]:
        names = yield from run(calls.members(SidekiqKeys.processes))
        return [process for process in (yield from _read(self._client, names)) if process is not None]


class Workers:
    """All jobs that run, the longest first.

    Args:
        client: Whose Redis; default the current client.
    """

    def __init__(self, *, client: Shiftboss | None = None) -> None:
        self._client = client or current_client()

    def __len__(self) -> int:
        return len(self._client.perform(self._all()))

    async def acount(self) -> int:
        """As `len`, for coroutines."""
        return len(await self._client.aperform(self._all()))

    def __iter__(self) -> Iterator[Work]:
        """The jobs. Two round trips."""
        yield from self._client.perform(self._all())

    async def __aiter__(self) -> AsyncIterator[Work]:
        """As iterating, for coroutines."""
        for work in await self._client.aperform(self._all()):
            yield work

    def _all(self) -> Plan[list[Work]]:
        keys = SidekiqKeys(self._client.namespace)
        names = yield from run(calls.members(keys.processes))
        places = [place for name in names for place in (keys.work(name), keys.old_work(name))]
        seen = (yield from run_many([calls.fields(place) for place in places])) if names else []
        # Ruby before 7 has only the old place, from 7 on only the new one, and we have both.
        running = [{**old, **new} for new, old in zip(seen[::2], seen[1::2], strict=True)]
        found = [
            work
            for name, threads in zip(names, running, strict=True)
            for thread, text in threads.items()
            if (work := _work(name, thread, text)) is not None
        ]
        return sorted(found, key=lambda work: work.since)


def _read(client: Shiftboss, names: list[str]) -> Plan[list[Process | None]]:
    keys = SidekiqKeys(client.namespace)
    beats = (yield from run_many([calls.fields(keys.process(name)) for name in names])) if names else []
    return [process_of(client, name, beat) for name, beat in zip(names, beats, strict=True)]


def process_of(client: Shiftboss, identity: str, beat: Mapping[str, bytes]) -> Process | None:
    """From a heartbeat; None if there is none, or if it is not one."""
    try:
        info = msgspec.json.decode(beat["info"], type=dict[str, Any])
        process = Process(
            identity,
            info,
            int(beat.get("busy", 0)),
            beat.get("quiet") == b"true",
            int(beat.get("rss", 0)),
            datetime.fromtimestamp(float(beat.get("beat", 0)), UTC),
            client,
        )
        _ = process.concurrency, process.queues, process.labels, process.started_at
    except (KeyError, ValueError, TypeError, OverflowError, OSError, msgspec.MsgspecError):
        return None
    return process


def _work(process: str, thread: str, text: bytes) -> Work | None:
    try:
        fields = msgspec.json.decode(text, type=dict[str, Any])
        raw = fields["payload"]
        # Older releases of Ruby's Sidekiq nest the job; newer ones, and ours, keep its text.
        raw = raw.encode() if isinstance(raw, str) else msgspec.json.encode(raw)
        since = datetime.fromtimestamp(float(fields.get("run_at", 0)), UTC)
    except (KeyError, ValueError, TypeError, msgspec.MsgspecError):
        return None
    try:
        payload = decode(raw)
    except JobError:
        payload = None
    return Work(process, thread, str(fields.get("queue", "")), since, payload)
