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
from .schedule import Schedule, check_jobs, with_registered
from .scheduler import Scheduler
from .ticks import enqueue

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.service import Service


class PeriodicExtension(Extension):
    """The schedules of one client, as its engine meets them."""

    def __init__(self, client: Shiftboss) -> None:
        self._client = client
        self._files: tuple[Schedule, ...] | None = None
        self._lead = True

    def fire_in_workers(self, files: Sequence[Schedule], *, lead: bool = True) -> None:
        """Have workers deploy these and what code registers, and fire it, unless they are not to lead. Said again, it holds
        beside what was said before, and comes before it where two are of one name.
        """
        names = {schedule.name for schedule in files}
        before = [schedule for schedule in self._files or () if schedule.name not in names]
        self._files = (*files, *before)
        self._lead = lead

    def services(self) -> Sequence[Service]:
        """A scheduler for each schedule that workers are to fire.

        Raises:
            ScheduleError: A job that cannot be enqueued without arguments, or is not known here.
        """
        if self._files is None:
            return ()
        found = with_registered(self._files)
        for schedule in found:
            check_jobs(schedule, self._client.engine)
        return [Scheduler(self._client, schedule, lead=self._lead) for schedule in found]

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
