"""Reading the statuses of batches, in one round trip for as many as are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from shiftboss.plan import Plan, run_many
from shiftboss.scripts import Call

from . import calls
from .status import Status, read_status

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


def read_statuses(client: Shiftboss, bids: Sequence[str]) -> Plan[list[Status | None]]:
    """The status of each batch, None where there is none."""
    asked: list[Call[Any]] = []
    for bid in bids:
        keys = client.batch_keys(bid)
        asked += [calls.read(keys), calls.life(keys), calls.failures(keys)]
    replies = yield from run_many(asked)
    parts = zip(bids, replies[::3], replies[1::3], replies[2::3], strict=True)
    return [read_status(bid, record, life, failures) for bid, record, life, failures in parts]
