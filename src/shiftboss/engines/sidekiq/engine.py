"""`SidekiqEngine`: jobs go to Sidekiq's queues, for the built-in worker or for Ruby's."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.calls import push
from shiftboss.engines.sidekiq.payload import encode
from shiftboss.engines.sidekiq.strict import check_size
from shiftboss.errors import ConfigError
from shiftboss.jobs import Message
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import Plan, run
from shiftboss.scripts import Arg

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
            queues, placed = place(messages[start : start + SLICE])
            yield from run(push(self.keys, os.urandom(12).hex(), queues, self.receipt_ttl, placed))

    @property
    def receipt_ttl(self) -> int:
        """Milliseconds for which a push that is sent again is told: longer than anyone tries."""
        return int(self.client.settings.timeout * 2000)

    def refuse_cluster(self) -> None:
        """Raise where the queues cannot be."""
        if not self.joins_batches:
            raise ConfigError(
                "the built-in worker's queues need a standalone or Sentinel Redis, "
                f"got {self.client.server.label}; give their own client a Redis of that kind, or use another engine"
            )


def place(messages: Sequence[Message]) -> tuple[list[str], list[Arg]]:
    """Names of the queues, and per message where it goes and its payload, as ``lua/sidekiq/push.lua`` takes them.

    Raises:
        JobError: A payload is above 1 MiB.
    """
    now = time.time_ns() // 1_000_000
    numbers: dict[str, int] = {}
    placed: list[Arg] = []
    for message in messages:
        if message.at is None:
            placed.append(numbers.setdefault(message.queue, len(numbers) + 1))
            payload = encode(message, created_at_ms=now, enqueued_at_ms=now)
        else:
            placed.append(f"@{message.at!r}")
            payload = encode(message, created_at_ms=now, enqueued_at_ms=None)
        check_size(message.name, len(payload))
        placed.append(payload)
    return list(numbers), placed
