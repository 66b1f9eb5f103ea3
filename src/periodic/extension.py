"""What schedules do in the life of jobs: enqueue what a crash left behind, and note how the job of a tick has ended."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from shiftboss import keys
from shiftboss.extension import Extension
from shiftboss.jobs import TOLD, Message, Outcome
from shiftboss.keys import PeriodicKeys
from shiftboss.outbox import GRACE, settle
from shiftboss.plan import Plan, deliver, run

from . import calls
from .ticks import enqueue

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


class PeriodicExtension(Extension):
    """The schedules of one client, as its engine meets them."""

    def __init__(self, client: Shiftboss) -> None:
        self._client = client

    def outboxes(self) -> Plan[Sequence[str]]:
        """One for each schedule."""
        names = yield from run(calls.names(keys.schedules(self._client.namespace)))
        return [PeriodicKeys(self._client.namespace, name).out for name in names]

    def perform(self, item: str, out: str) -> Plan[None]:
        """Enqueue a tick."""
        yield from enqueue(self._client, out, [item])

    def finished(self, message: Message, outcome: Outcome, error: BaseException | None) -> Plan[None]:  # noqa: ARG002
        """Note how the job of a tick has ended, and enqueue the one that was kept until then."""
        mark = message.options.get(TOLD)
        if outcome not in {Outcome.SUCCEEDED, Outcome.DIED} or not isinstance(mark, list) or len(mark) != 2:
            return
        schedule, entry = mark
        of = PeriodicKeys(self._client.namespace, str(schedule))
        sent = yield from deliver(calls.finish(of, str(entry), message.id, outcome.value, GRACE))
        yield from settle(self._client, of.out, sent.result, resent=sent.resent)
