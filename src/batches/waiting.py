"""A batch that waits for others, in whatever shard: a place in it stands for each, and each is told who waits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shiftboss.errors import BatchError, BatchNotFound
from shiftboss.outbox import GRACE, settle
from shiftboss.plan import Plan, deliver, run, run_many

from . import calls
from .bids import is_bid
from .hold import Hold
from .tracking import tracked_bid

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .batch import Batch


@dataclass(frozen=True, slots=True)
class Awaited:
    """What is waited for: a batch, or the batch that stands for a tracked job.

    Args:
        bid: The batch's id.
        jid: The job's id, if it is one.
        pushed: Whether Redis must have heard of it already: a batch of an open block is pushed with it.
    """

    bid: str
    jid: str | None = None
    pushed: bool = True

    @classmethod
    def job(cls, jid: str) -> Awaited:
        return cls(tracked_bid(jid), jid)

    def missing(self) -> BatchError:
        """The error that says that there is no such thing."""
        if self.jid is None:
            return BatchNotFound(f"no batch {self.bid} to wait for: it never was, or it has expired")
        if is_bid(self.jid):
            return BatchError(
                f"nothing is known of job {self.jid}; if that is a batch's id, pass Batch.open({self.jid!r})"
            )
        return BatchError(
            f"nothing is known of job {self.jid}: to wait for a job that was pushed before, define it with "
            "@job(track=True), or let enqueue_after push it: job.call(...)"
        )


def check_there(client: Shiftboss, awaited: Sequence[Awaited]) -> Plan[None]:
    """Refuse to wait for what is not there, before anything is pushed. One round trip.

    Raises:
        BatchNotFound, BatchError: Names what is not there.
    """
    pushed = [one for one in awaited if one.pushed]
    there = yield from run_many([calls.exists(client.batch_keys(one.bid)) for one in pushed])
    for one, is_there in zip(pushed, there, strict=True):
        if not is_there:
            raise one.missing()


def wait_for(batch: Batch, hold: Hold, awaited: Sequence[Awaited]) -> Plan[None]:
    """Give each a place, and have it tell the batch what becomes of it. What has been told already comes at once."""
    if not awaited:
        return
    base = yield from hold.reserve(len(awaited))
    for place, one in enumerate(awaited, base):
        keys = batch.client.batch_keys(one.bid)
        yield from run(calls.expect(batch.keys, place, one.jid or one.bid))
        informed = yield from deliver(calls.inform(keys, one.bid, f"{batch.bid}:{place}", GRACE))
        if informed.result.status != "ok":
            raise one.missing()
        yield from settle(batch.client, keys.out, informed.result.items, resent=informed.resent)
