"""Taking jobs back from processes that died with them."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.payload import Payload, decode
from shiftboss.engines.sidekiq.worker import calls
from shiftboss.engines.sidekiq.worker.acknowledge import acknowledge, groups
from shiftboss.engines.sidekiq.worker.bodies import find
from shiftboss.engines.sidekiq.worker.dying import tell_of_death
from shiftboss.engines.sidekiq.worker.failure import poisoned, unreadable
from shiftboss.engines.sidekiq.worker.hold import Ended, Run
from shiftboss.engines.sidekiq.worker.outage import Outage
from shiftboss.engines.sidekiq.worker.rounds import Rounds
from shiftboss.errors import JobError
from shiftboss.jobs import CurrentJob
from shiftboss.service import Signal
from shiftboss.text import plural

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.keys import SidekiqKeys

log = logging.getLogger("shiftboss.worker")
EVERY = 15.0
# A job whose process died under it so often within so many seconds is what kills them.
POISON = 3
MEMORY = 72 * 60 * 60


class Rescuer(Rounds):
    """Looks for processes without a heartbeat and returns what they held to its queues, once.

    A process is on a list of our own from the moment it takes a job until it holds none, so that list is all there is to
    search. Sidekiq's own list will not do: its dashboard strikes off whoever does not beat.
    """

    def __init__(self, client: Shiftboss, keys: SidekiqKeys, identity: str, outage: Outage) -> None:
        super().__init__("shiftboss-rescuer", outage)
        self.rescued: Signal[str] = Signal()
        self._client = client
        self._store = client.store
        self._keys = keys
        self._identity = identity

    def interval(self) -> float:
        return EVERY

    def round(self) -> None:
        others = [name for name in self._store.run(calls.workers(self._keys)) if name != self._identity]
        beating = self._store.run_many([calls.beats(self._keys, name) for name in others]) if others else []
        for name, beats in zip(others, beating, strict=True):
            if not beats and not self.stopping:
                self._rescue(name)

    def _rescue(self, dead: str) -> None:
        while not self.stopping:
            raws = self._store.run(calls.held(self._keys, dead))[: calls.MOST_JOBS]
            jobs, ended = self._sort(raws)
            for group in groups(ended):
                self._client.perform(acknowledge(self._client, self._keys, dead, group))
                for one in group:
                    self._tell(one)
            # What a process held had begun, for it takes no more than it has slots for.
            back = [calls.Returning(payload.message.queue, payload.raw, payload.put_back()) for payload in jobs]
            rescued = self._store.run(
                calls.rescue(self._keys, dead, MEMORY, back, [payload.message.id for payload in jobs])
            )
            if rescued.taken:
                log.warning("taken back from %s, which died: %s", dead, plural(rescued.taken, "job"))
            if rescued.alive or not rescued.left:
                self.rescued.fire(dead)
                return

    def _tell(self, ended: Ended) -> None:
        body, current, payload = None, None, ended.run.payload
        if payload is not None:
            current = CurrentJob(payload.message.id, ended.run.queue, payload.message, payload.attempt)
            with suppress(JobError):
                body = find(self._client, payload.message.name)
        with self._client:
            tell_of_death(body, current, ended.error)

    def _sort(self, raws: list[bytes]) -> tuple[list[Payload], list[Ended]]:
        """What goes back to its queue, and what ends here."""
        jobs: list[Payload] = []
        ended: list[Ended] = []
        for raw in raws:
            try:
                jobs.append(decode(raw))
            except JobError as error:
                log.warning("a job goes to the dead set: %s", error)
                ended.append(unreadable(Run(0, "", raw), error))
        counts = self._store.run_many([calls.recoveries(self._keys, job.message.id) for job in jobs]) if jobs else []
        back = []
        for job, count in zip(jobs, counts, strict=True):
            if count + 1 >= POISON:
                reason = f"{POISON} processes died while they ran it"
                log.warning("job %s (%s) goes to the dead set: %s", job.message.id, job.message.name, reason)
                ended.append(poisoned(Run(0, job.message.queue, job.raw, job), job, reason))
            else:
                back.append(job)
        return back, ended
