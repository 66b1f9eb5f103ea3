"""Tracked jobs: what becomes of one is remembered by its id, as a batch of its own that is on no list."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import TYPE_CHECKING

from shiftboss.jobs import TRACK, Message
from shiftboss.plan import Plan, run_many

from . import calls

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

DAY_MS = 86_400_000
# How long it is remembered that a job was pushed, and that it succeeded. Of one that died: as of any batch.
TTL = 30 * DAY_MS
LINGER = DAY_MS


def tracked_bid(jid: str) -> str:
    """The id of the batch that stands for a tracked job."""
    return sha256(jid.encode()).hexdigest()[:16]


def track(client: Shiftboss, messages: Sequence[Message]) -> Plan[None]:
    """Before they are pushed: remember those that are tracked. At most one round trip per node, none if none is."""
    tracked = [tracked_bid(message.id) for message in messages if TRACK in message.options]
    if tracked:
        yield from run_many([calls.track(client.batch_keys(bid), TTL, LINGER) for bid in tracked])
