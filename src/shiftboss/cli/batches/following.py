"""Looking at batches again and again until none of them can go on."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import takewhile

from shiftboss.batches import Batch, BatchSet, Status
from shiftboss.batches.reading import read_statuses
from shiftboss.batches.sets import PAGE
from shiftboss.client import Shiftboss

INTERVAL = 0.2
# Seconds between looks for new batches, which cost more.
LOOK = 1.0
# A batch is listed at the moment it was made, and seen a little later.
SLACK = timedelta(seconds=10)


def is_over(status: Status) -> bool:
    """Whether nothing about it changes any more by itself."""
    return status.finished_at is not None or status.broken


def follow(batch: Batch) -> Iterator[list[Status]]:
    """One batch, again and again, the last time when it is over.

    Raises:
        BatchNotFound: It is gone.
    """
    while True:
        status = batch.status()
        yield [status]
        if is_over(status):
            return
        time.sleep(INTERVAL)


def follow_open(client: Shiftboss) -> Iterator[list[Status]]:
    """All that are open now or begin meanwhile, oldest first, until the last is over. Those that end are shown so once."""
    followed: dict[str, Status] = {}
    since, looked = datetime.min.replace(tzinfo=UTC), -LOOK
    while True:
        if time.monotonic() - looked >= LOOK:
            looked = time.monotonic()
            found = _made_since(client, since)
            since = max([since, *(status.created_at - SLACK for status in found)])
            followed |= {status.bid: status for status in found if not is_over(status)}
        if not followed:
            return
        yield sorted(followed.values(), key=lambda status: status.created_at)
        if all(map(is_over, followed.values())):
            return
        followed = {bid: status for bid, status in followed.items() if not is_over(status)}
        time.sleep(INTERVAL)
        followed = {status.bid: status for status in _now(client, list(followed))}


def _made_since(client: Shiftboss, since: datetime) -> list[Status]:
    return list(takewhile(lambda status: status.created_at >= since, BatchSet(client=client)))


def _now(client: Shiftboss, bids: list[str]) -> Iterator[Status]:
    for start in range(0, len(bids), PAGE):
        found = client.perform(read_statuses(client, bids[start : start + PAGE]))
        yield from (status for status in found if status is not None)
