"""What waits in a sandbox's queues and sets, and taking it from there."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from shiftboss.decoders import pairs
from shiftboss.engines.sidekiq.payload import decode
from shiftboss.jobs import Message
from shiftboss.scripts import command

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.keys import SidekiqKeys


@dataclass(frozen=True, slots=True)
class Waiting:
    """A job that waits.

    Args:
        message: The job; `at` is when it is due, None in a queue.
        raw: As it stands there.
        place: The key it waits in.
    """

    message: Message
    raw: bytes
    place: str


def read_queues(client: Shiftboss, keys: SidekiqKeys) -> list[Waiting]:
    """What is in queues, the one that entered first first."""
    found: list[tuple[int, Waiting]] = []
    for name in client.store.run(command("SMEMBERS", [keys.queues], [], sorted)):
        place = keys.queue(name.decode())
        for raw in client.store.run(command("LRANGE", [place], [0, -1], list[bytes]))[::-1]:
            payload = decode(raw)
            found.append((payload.enqueued_at_ms or 0, Waiting(payload.message, raw, place)))
    return [waiting for _, waiting in sorted(found, key=lambda one: one[0])]


def read_sets(client: Shiftboss, keys: SidekiqKeys, *, retries: bool = True) -> list[Waiting]:
    """What is scheduled and, if asked for, waits for a repeat; the one that is due first first."""
    found = []
    for place in (keys.schedule, keys.retry) if retries else (keys.schedule,):
        for raw, at in client.store.run(command("ZRANGE", [place], [0, -1, "WITHSCORES"], _placed)):
            found.append(Waiting(replace(decode(raw).message, at=at), raw, place))
    return sorted(found, key=lambda one: one.message.at or 0)


def take(client: Shiftboss, keys: SidekiqKeys, one: Waiting, identity: str | None) -> bool:
    """Take a job out, into what a process has in flight or, without one, into nothing; whether it was still there."""
    if one.message.at is None:
        removal = command("LREM", [one.place], [-1, one.raw], bool)
    else:
        removal = command("ZREM", [one.place], [one.raw], bool)
    if not client.store.run(removal):
        return False
    if identity is not None:
        client.store.run(command("LPUSH", [keys.inflight(identity)], [one.raw], int))
    return True


def _placed(reply: list[bytes]) -> list[tuple[bytes, float]]:
    return [(raw, float(at)) for raw, at in pairs(reply)]
