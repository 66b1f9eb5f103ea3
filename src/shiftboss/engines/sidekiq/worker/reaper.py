"""Delivering what crashed processes left in the outboxes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.worker.outage import Outage
from shiftboss.engines.sidekiq.worker.rounds import Rounds
from shiftboss.outbox import reap

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

EVERY = 5.0


class Reaper(Rounds):
    """Asks to be the one that reaps, and reaps."""

    def __init__(self, client: Shiftboss, identity: str, outage: Outage) -> None:
        super().__init__("shiftboss-reaper", outage)
        self._client = client
        self._identity = identity

    def interval(self) -> float:
        return EVERY

    def round(self) -> None:
        self._client.perform(reap(self._client, self._identity))
