"""The worker's operations, one function per Lua file. They return calls and do no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shiftboss.decoders import sorted_texts
from shiftboss.keys import SidekiqKeys
from shiftboss.scripts import Arg, Call, command, script

# What one call may carry, at most.
MOST_JOBS = 200


@dataclass(frozen=True, slots=True)
class Fetched:
    """What a fetch took: the length of the in-flight list after it, queues that rest, (queue, payload) of each job, and the
    sign that some may have become unwanted.
    """

    held: int
    paused: tuple[str, ...]
    jobs: tuple[tuple[str, bytes], ...]
    unwanted: str


@dataclass(frozen=True, slots=True)
class Due:
    """What is due: the server's milliseconds, those until the next job is due or None if none waits, the payloads."""

    now_ms: int
    next_ms: int | None
    payloads: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Rescued:
    """How many jobs of a dead process went back to their queues, and how many it still holds. It may have been alive."""

    alive: bool
    taken: int
    left: int


@dataclass(frozen=True, slots=True)
class Returning:
    """A job that goes back to its queue: which one, the payload as it was fetched, the payload to push."""

    queue: str
    raw: bytes
    pushed: bytes


def fetch(keys: SidekiqKeys, identity: str, limit: int, names: Sequence[str]) -> Call[Fetched]:
    """Take up to `limit` jobs from the queues of these names, in this order."""

    def decode(reply: list[Any]) -> Fetched:
        held, paused, jobs, unwanted = reply
        taken = zip(jobs[::2], jobs[1::2], strict=True)
        resting = tuple(names[n - 1] for n in paused)
        return Fetched(held, resting, tuple((names[n - 1], raw) for n, raw in taken), unwanted.decode())

    return script("sidekiq/fetch").call(
        decode,
        [keys.inflight(identity), keys.workers, keys.paused, keys.unwanted, *map(keys.queue, names)],
        [identity, limit, *names],
    )


def held(keys: SidekiqKeys, identity: str) -> Call[list[bytes]]:
    """All that is in flight in a process, newest first."""
    return command("LRANGE", [keys.inflight(identity)], [0, -1], list[bytes])


def wait_for(keys: SidekiqKeys, name: str, seconds: float) -> Call[bool]:
    """Block until the queue has a job, and leave it as it is; whether it has one."""
    return command("BLMOVE", [keys.queue(name), keys.queue(name)], ["RIGHT", "RIGHT", seconds], _there, resend=False)


def settle(keys: SidekiqKeys, identity: str, day: str, jobs: Sequence[Arg]) -> Call[int]:
    """Acknowledge jobs: five values each, as ``lua/lib/finish.lua`` says; how many of them were still in flight."""
    return script("sidekiq/settle").call(int, keys.settled(identity, day), jobs)


def put_back(keys: SidekiqKeys, identity: str, jobs: Sequence[Returning]) -> Call[int]:
    """Return jobs, newest first, to the front of their queues; how many were still in flight."""
    names = sorted({job.queue for job in jobs})
    return script("sidekiq/put_back").call(
        int, [keys.inflight(identity), keys.queues, *map(keys.queue, names)], _numbered(names, jobs)
    )


def rescue(
    keys: SidekiqKeys, identity: str, keep: int, jobs: Sequence[Returning], jids: Sequence[str]
) -> Call[Rescued]:
    """Take jobs, newest first, and their ids, back from a dead process."""
    names = sorted({job.queue for job in jobs})
    return script("sidekiq/rescue").call(
        lambda reply: Rescued(reply[0] < 0, max(0, reply[0]), reply[1]),
        [
            keys.process(identity),
            keys.processes,
            keys.inflight(identity),
            keys.work(identity),
            keys.workers,
            keys.queues,
            *map(keys.queue, names),
            *map(keys.recovered, jids),
        ],
        [identity, len(names), keep, *_numbered(names, jobs)],
    )


def recoveries(keys: SidekiqKeys, jid: str) -> Call[int]:
    """How often a job was taken back lately."""
    return command("GET", [keys.recovered(jid)], [], lambda reply: int(reply or 0))


def workers(keys: SidekiqKeys) -> Call[list[str]]:
    """All processes that may hold jobs, dead or alive."""
    return command("SMEMBERS", [keys.workers], [], sorted_texts)


def beats(keys: SidekiqKeys, identity: str) -> Call[bool]:
    """Whether a process has a heartbeat."""
    return command("EXISTS", [keys.process(identity)], [], bool)


def due(waiting: str, limit: int) -> Call[Due]:
    """Read what is due in a set of waiting jobs."""
    return script("sidekiq/due").call(
        lambda reply: Due(reply[0], None if reply[1] < 0 else reply[1], tuple(reply[2:])), [waiting], [limit]
    )


def promote(keys: SidekiqKeys, waiting: str, jobs: Sequence[tuple[bytes, str, bytes]]) -> Call[int]:
    """Move jobs (as it waits, queue or an empty name for the dead, as pushed) to their queues; how many still waited."""
    names = sorted({name for _, name, _ in jobs if name})
    numbers = {name: number for number, name in enumerate(names, 1)} | {"": 0}
    rest = [part for raw, name, payload in jobs for part in (raw, numbers[name], payload)]
    return script("sidekiq/promote").call(
        int, [waiting, keys.queues, keys.dead, *map(keys.queue, names)], [len(names), *names, *rest]
    )


def beat(
    keys: SidekiqKeys,
    identity: str,
    ttl: int,
    info: bytes,
    concurrency: int,
    busy: int,
    quiet: bool,
    rss: int,
    rtt_us: int,
    running: Sequence[Arg],
) -> Call[int]:
    """Show that this process is alive; how many processes there are."""
    return script("sidekiq/beat").call(
        int,
        [keys.processes, keys.process(identity), keys.work(identity), keys.workers, keys.old_work(identity)],
        [identity, ttl, info, concurrency, busy, "true" if quiet else "false", rss, rtt_us, *running],
    )


def measure(keys: SidekiqKeys, at: datetime, names: Sequence[str], jobs: Sequence[Arg]) -> Call[int]:
    """Add what was measured of the jobs of these names, at about this time: five values each, as the script says; of how many."""
    durations = [keys.durations(name, at) for name in names]
    return script("sidekiq/measure").call(int, [keys.minute(at), keys.ten(at), *durations], jobs)


def signalled(keys: SidekiqKeys, identity: str) -> Call[str | None]:
    """Take the oldest signal that somebody left for this process."""
    return command("RPOP", [keys.signals(identity)], [], lambda reply: reply and reply.decode(), resend=False)


def leave(keys: SidekiqKeys, identity: str) -> Call[int]:
    """Say good-bye; how many jobs this process still holds."""
    return script("sidekiq/leave").call(
        int,
        [
            keys.processes,
            keys.process(identity),
            keys.work(identity),
            keys.inflight(identity),
            keys.workers,
            keys.old_work(identity),
        ],
        [identity],
    )


def _numbered(names: Sequence[str], jobs: Sequence[Returning]) -> list[Arg]:
    numbers = {name: number for number, name in enumerate(names, 1)}
    return [*names, *(part for job in jobs for part in (numbers[job.queue], job.raw, job.pushed))]


def _there(reply: bytes | None) -> bool:
    return reply is not None
