"""What becomes of a batch some of whose jobs could not be published: their places count for nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shiftboss.outbox import GRACE, settle
from shiftboss.plan import Plan, deliver

from . import calls

if TYPE_CHECKING:
    from .handle import BatchHandle
    from .hold import Hold

AT_ONCE = 1_000


def cancel(batch: BatchHandle, positions: Sequence[int], *, lost: bool = False) -> Plan[None]:
    """Give places up: of jobs that were never published, or of those that are lost. Doing it twice is doing it once."""
    for start in range(0, len(positions), AT_ONCE):
        yield from _cancel(batch, "", positions[start : start + AT_ONCE], lost)


def undo(hold: Hold, known: bool) -> Plan[None]:
    """After `cancel`, end the only block that was open.

    A batch that was there before goes on without what was cancelled. A new one of which nothing was published is
    forgotten; else its block will never be complete, and it is broken.
    """
    batch = hold._batch
    if known:
        yield from hold.close()
    elif batch.parent is None and (yield from _cancel(batch, hold._token, [])):
        hold.let_go()
        batch._known = False
    else:
        yield from hold.abandon()


def _cancel(batch: BatchHandle, token: str, positions: Sequence[int], lost: bool = False) -> Plan[bool]:
    """Whether the batch is gone with that."""
    sent = yield from deliver(calls.cancel(batch.keys, batch.bid, token, GRACE, "", lost, positions))
    yield from settle(batch.client, batch.keys.out, sent.result.items, resent=sent.resent)
    return sent.result.status != "ok"
