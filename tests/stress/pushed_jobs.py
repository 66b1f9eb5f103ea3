"""Jobs that a pusher pushes before it is killed, and callbacks; both remember, in the process of the worker."""

from __future__ import annotations

from collections import Counter
from typing import Any

from shiftboss import current_job, job
from shiftboss.batches import Status
from shiftboss.jobs import Member
from shiftboss.trusted import trust

trust(__name__)
QUEUE = "pushed"
# How often each member ran, as (batch, position, number), and how often each event was heard, as (batch, event).
ran: Counter[tuple[str, int, int]] = Counter()
heard: Counter[tuple[str, str]] = Counter()


@job(queue=QUEUE)
def mark(number: int) -> None:
    """The worker of these tests has one thread: nothing is counted by two at once."""
    current = current_job()
    assert current is not None
    place = current.message.batch
    assert isinstance(place, Member)
    ran[place.bid, place.position, number] += 1


class Ears:
    def on_complete(self, status: Status, options: dict[str, Any]) -> None:
        heard[status.bid, "complete"] += 1

    def on_success(self, status: Status, options: dict[str, Any]) -> None:
        heard[status.bid, "success"] += 1

    def on_death(self, status: Status, options: dict[str, Any]) -> None:
        heard[status.bid, "death"] += 1
