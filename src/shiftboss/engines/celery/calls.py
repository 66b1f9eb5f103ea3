"""What a worker asks of batches. It knows them by their keys and their Lua library."""

from __future__ import annotations

from shiftboss.keys import BatchKeys
from shiftboss.outbox import GRACE
from shiftboss.scripts import Call, script


def ack(keys: BatchKeys, bid: str, queue: str, position: int, code: str) -> Call[list[str]]:
    """Record the outcome of one member; see ``lua/batches/ack.lua``."""
    return script("batches/ack").call(
        lambda reply: [item.decode() for item in reply],
        [keys.record, keys.ran, keys.done, keys.dead, keys.out],
        [bid, queue, GRACE, position, code],
    )
