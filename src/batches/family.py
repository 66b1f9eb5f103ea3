"""Batches below a batch. A whole family lies in one shard, whose list says who is in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from shiftboss.keys import ShardKeys, shard_of
from shiftboss.plan import Plan, run, run_many

from . import calls
from .reading import read_statuses
from .status import Status

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

PAGE = 500


@dataclass(frozen=True, slots=True)
class Place:
    """Where a child stands: its parent, its position there, and all above it from the top down; and since when."""

    bid: str
    parent: str
    position: int
    path: tuple[str, ...]
    created_ms: int

    @property
    def age(self) -> tuple[int, int, int]:
        """What comes first is older; of what was made in one millisecond, what is above."""
        return self.created_ms, len(self.path), self.position


def places(client: Shiftboss, shard: str) -> Plan[list[Place]]:
    """The places of all children in a shard, oldest first. Two round trips for each 500 batches."""
    found, first = list[Place](), 0
    while (page := (yield from _page(client, shard, first))) is not None:
        found += page
        first += PAGE
    return sorted(found, key=attrgetter("age"))


def descendants(client: Shiftboss, bid: str, limit: int | None = None) -> Plan[list[Status]]:
    """The statuses of batches below one, oldest first: of all, or of so many that were made last."""
    below, first = list[Place](), 0
    while limit is None or len(below) < limit:
        page = yield from _page(client, shard_of(bid), first)
        if page is None:
            break
        below += [place for place in page if bid in place.path]
        first += PAGE
    below = sorted(below[:limit], key=attrgetter("age"))
    found: list[Status] = []
    for start in range(0, len(below), PAGE):
        found += _there((yield from read_statuses(client, [place.bid for place in below[start : start + PAGE]])))
    return found


def _page(client: Shiftboss, shard: str, first: int) -> Plan[list[Place] | None]:
    """The children among some batches of a shard, newest first; None after its last batch."""
    listed = yield from run(calls.listed(ShardKeys(client.namespace, shard), first, PAGE))
    if not listed:
        return None
    asked = [calls.fields(client.batch_keys(bid), ["parent", "place", "path"]) for bid, _ in listed]
    answers = yield from run_many(asked)
    return [
        Place(bid, parent, int(place), tuple((path or parent).split(",")), created_ms)
        for (bid, created_ms), (parent, place, path) in zip(listed, answers, strict=True)
        if parent is not None and place is not None
    ]


def _there(statuses: Sequence[Status | None]) -> list[Status]:
    return [status for status in statuses if status is not None]
