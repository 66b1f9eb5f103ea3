"""Scripts that change queues and batches together: registering members as they are pushed, settling them as they are
acknowledged, pushing a callback as its outbox item is struck off. They need both on one standalone Redis.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shiftboss.decoders import texts
from shiftboss.engine import Reserved
from shiftboss.keys import BatchKeys, SidekiqKeys
from shiftboss.scripts import Arg, Call, script


def flush(
    keys: SidekiqKeys,
    batch: BatchKeys,
    bid: str,
    token: str,
    ttl: int,
    inside: bool,
    keep: int,
    grace: int,
    queue: str,
    fields: Sequence[Arg],
    names: Sequence[str],
    members: Sequence[Arg],
) -> Call[Reserved]:
    """Register members and push them: per member where it goes (the number of a queue's name, or ``@`` and the second it
    is due) and its payload up to the position.
    """
    return script("sidekiq/flush").call(
        _reserved,
        [
            batch.record,
            batch.ran,
            batch.done,
            batch.dead,
            batch.index,
            batch.out,
            batch.receipt(token),
            keys.queues,
            keys.schedule,
            batch.failures,
            batch.results,
            *map(keys.queue, names),
        ],
        [bid, ttl, int(inside), keep, grace, queue, len(fields), len(names), *fields, *names, *members],
    )


def hand_over(keys: SidekiqKeys, out: str, item: str, name: str, payload: bytes) -> Call[bool]:
    """Push the job an outbox item stands for and strike the item off; False if somebody already had."""
    return script("sidekiq/hand_over").call(bool, [out, keys.queues, keys.queue(name)], [item, name, payload])


def settle_members(
    keys: SidekiqKeys, batch: BatchKeys, identity: str, day: str, bid: str, queue: str, grace: int, jobs: Sequence[Arg]
) -> Call[tuple[int, list[str]]]:
    """Acknowledge members of one batch: eight values each (payload, verb, payload to keep, seconds, failure; position,
    code, failure). How many were still in flight, and what that brings about.
    """
    return script("sidekiq/settle_members").call(
        lambda reply: (reply[0], texts(reply[1:])),
        [
            *keys.settled(identity, day),
            batch.record,
            batch.ran,
            batch.done,
            batch.dead,
            batch.out,
            batch.failures,
            batch.results,
        ],
        [bid, queue, grace, *jobs],
    )


def _reserved(reply: list[Any]) -> Reserved:
    status, base, *items = reply
    return Reserved(status.decode(), int(base), tuple(texts(items)))
