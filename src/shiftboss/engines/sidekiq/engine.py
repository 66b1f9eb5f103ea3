"""`SidekiqEngine`: jobs go to Sidekiq's queues, for the built-in worker or for Ruby's."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shiftboss.engine import BUILT_IN, Block, KnownJob, Reserved
from shiftboss.engines.sidekiq import joined
from shiftboss.engines.sidekiq.calls import push
from shiftboss.engines.sidekiq.payload import encode, encode_open
from shiftboss.engines.sidekiq.registry import find
from shiftboss.engines.sidekiq.strict import check_size
from shiftboss.engines.sidekiq.whereabouts import whereabouts
from shiftboss.errors import ConfigError, JobError
from shiftboss.jobs import Message
from shiftboss.keys import SidekiqKeys
from shiftboss.outbox import GRACE
from shiftboss.plan import Plan, run
from shiftboss.scripts import Arg, Call

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

SLICE = 1_000


class SidekiqEngine:
    """The built-in engine's client side.

    Args:
        client: Where the queues live, and for how long a push is tried.

    Example:
        >>> from shiftboss import Shiftboss
        >>> client = Shiftboss("fake://doc")
        >>> client.perform(SidekiqEngine(client).enqueue([Message("Resize", ("a.png",), "low", "ab12")]))
    """

    name = BUILT_IN

    def __init__(self, client: Shiftboss) -> None:
        self.client = client
        self.keys = SidekiqKeys(client.namespace)

    @property
    def joins_batches(self) -> bool:
        """Whether queues and batches live where one script can change both."""
        return self.client.server.kind != "cluster"

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        """Push messages, those with `at` into the schedule. One round trip per 1,000.

        Raises:
            ConfigError: Redis is a cluster, where the protocol's queues cannot be.
            JobError: A payload is above 1 MiB; nothing of its 1,000 was pushed.
        """
        self.refuse_cluster()
        for start in range(0, len(messages), SLICE):
            yield from self._push(*place(messages[start : start + SLICE]))

    def enqueue_members(self, messages: Sequence[Message], bid: str, base: int) -> Plan[None]:
        """Push messages that take a batch's places from `base` on. One round trip per 1,000.

        Raises:
            JobError: As for `enqueue`.
        """
        for start in range(0, len(messages), SLICE):
            yield from self._push(*place(messages[start : start + SLICE], bid, base + start))

    def flush(self, messages: Sequence[Message], block: Block) -> Call[Reserved]:
        """Register members and push them, in one script; at most 1,000.

        Raises:
            JobError: A payload is above 1 MiB; nothing was registered or pushed.
        """
        queues, members = place(messages, block.bid)
        return joined.flush(
            self.keys,
            block.keys,
            block.bid,
            block.token,
            block.ttl,
            block.inside,
            self.receipt_ttl,
            GRACE,
            queues[0] if queues else "",
            block.record,
            queues,
            members,
        )

    def hand_over(self, message: Message, out: str, item: str) -> Call[bool]:
        """Push a message and strike its outbox item off, in one script; False if somebody already did."""
        now = _now()
        payload = encode(message, created_at_ms=now, enqueued_at_ms=now)
        return joined.hand_over(self.keys, out, item, message.queue, payload)

    def known(self, name: str) -> KnownJob | None:
        """What this process knows of a job by its name. No round trip."""
        definition = find(name)
        if definition is None:
            return None
        try:
            definition.parameters.bind((), {})
        except JobError as error:
            return KnownJob(definition.options.queue, definition.options.wire, str(error))
        return KnownJob(definition.options.queue, definition.options.wire)

    def whereabouts(self, bids: frozenset[str]) -> Plan[dict[str, set[int]]]:
        """The positions of all members of some batches that are in a queue, a set or a process. It reads all of them."""
        return whereabouts(self.keys, bids)

    def _push(self, queues: Sequence[str], placed: Sequence[Arg]) -> Plan[None]:
        yield from run(push(self.keys, os.urandom(12).hex(), queues, self.receipt_ttl, placed))

    @property
    def receipt_ttl(self) -> int:
        """Milliseconds for which a push that is sent again is told: longer than anyone tries."""
        return int(self.client.settings.timeout * 2000)

    def refuse_cluster(self) -> None:
        """Raise where the queues cannot be."""
        if self.client.server.kind == "cluster":
            raise ConfigError(
                "the built-in worker's queues need a standalone or Sentinel Redis, "
                f"got {self.client.server.label}; give their own client a Redis of that kind, or use another engine"
            )


def place(messages: Sequence[Message], bid: str | None = None, base: int | None = None) -> tuple[list[str], list[Arg]]:
    """Names of the queues, and per message where it goes and its payload, as ``lua/lib/enqueue.lua`` takes them.

    Args:
        messages: What is to be pushed.
        bid: The batch that they join; or None.
        base: Their first position there; None leaves the payloads open, for a script that completes them with positions.

    Raises:
        JobError: A payload is above 1 MiB.
    """
    now = _now()
    numbers: dict[str, int] = {}
    where: Arg
    enqueued_at: int | None
    placed: list[Arg] = []
    for number, message in enumerate(messages):
        if message.at is None:
            where, enqueued_at = numbers.setdefault(message.queue, len(numbers) + 1), now
        else:
            where, enqueued_at = f"@{message.at!r}", None
        if bid is None:
            payload = encode(message, created_at_ms=now, enqueued_at_ms=enqueued_at)
        else:
            payload = encode_open(message, bid, created_at_ms=now, enqueued_at_ms=enqueued_at)
            if base is not None:
                payload += b"%d]}" % (base + number)
        check_size(message.name, len(payload))
        placed += [where, payload]
    return list(numbers), placed


def _now() -> int:
    return time.time_ns() // 1_000_000
