"""Running a job: what its payload stands for, in a context of its own, and what became of it."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from shiftboss.endings import Requeue, count_of, stopping
from shiftboss.engines.sidekiq.hooks import on_death
from shiftboss.engines.sidekiq.payload import Payload, decode
from shiftboss.engines.sidekiq.worker.announcing import announce_start
from shiftboss.engines.sidekiq.worker.bodies import Body, find
from shiftboss.engines.sidekiq.worker.calling import acall, call, has_expired
from shiftboss.engines.sidekiq.worker.crew import Crew
from shiftboss.engines.sidekiq.worker.failure import failed, later, refused, unreadable
from shiftboss.engines.sidekiq.worker.hold import Ended, Run
from shiftboss.engines.sidekiq.worker.rounds import AWAY
from shiftboss.errors import JobError, PrerequisiteDied
from shiftboss.extension import Reschedule
from shiftboss.jobs import PREREQUISITE_DIED, CurrentJob, Message, Outcome, running
from shiftboss.reporting import put_back_of

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.worker")


class Runner:
    """Runs jobs on a crew.

    Args:
        client: The current client of every job.
        crew: Who runs them.
        end: Given what became of each job, from the thread that ran it; not of one that was interrupted.

    Set `stopping` when the worker takes no more jobs: those that run can ask for it.
    """

    def __init__(self, client: Shiftboss, crew: Crew, end: Callable[[Ended], None]) -> None:
        self._client = client
        self._crew = crew
        self._end = end
        self.stopping = False
        self._interrupting = False
        # Every job begins in a copy of this: nothing of the worker's start and nothing of another job is in it.
        self._context = contextvars.Context()
        self._context.run(client.__enter__)
        self._context.run(stopping.set, lambda: self.stopping)

    def take(self, runs: Sequence[Run], sign: str | None = None) -> None:
        """Have jobs run, soon and elsewhere, but for those that are not wanted any more.

        Args:
            runs: The jobs.
            sign: What their fetch saw of the key that changes when some become unwanted; see `Extension.unwanted`.
        """
        readable = [(run, payload) for run in runs if (payload := self._read(run)) is not None]
        unwanted = self._unwanted([payload.message for _, payload in readable], sign)
        for run, payload in readable:
            if payload.message.id in unwanted:
                self._leave_out(run, payload, "its batch is invalidated")
            elif has_expired(payload):
                self._leave_out(run, payload, "it has expired")
            else:
                self._begin(run, payload)

    def _leave_out(self, run: Run, payload: Payload, reason: str) -> None:
        _log(run, payload, f"left out: {reason}", logging.INFO)
        self._end(Ended(run, "done", Outcome.SUCCEEDED))

    def _read(self, run: Run) -> Payload | None:
        try:
            run.payload = decode(run.raw)
        except JobError as error:
            log.warning("a job goes to the dead set: %s", error)
            on_death.fire(None, error)
            self._end(unreadable(run, error))
        return run.payload

    def _unwanted(self, messages: Sequence[Message], sign: str | None) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        try:
            for extension in self._client.extensions.values():
                found |= self._client.perform(extension.unwanted(messages, sign))
        except AWAY as error:
            log.warning("jobs run although they may have become unwanted; nobody could be asked: %s", error)
        return found

    def _begin(self, run: Run, payload: Payload) -> None:
        try:
            body = find(self._client, payload.message.name)
        except Exception as error:  # noqa: BLE001  whatever keeps us from finding it, the job has failed
            self._end(self._failed(run, payload, None, error))
            return
        waited = payload.message.options.get(PREREQUISITE_DIED)
        if waited is not None and payload.retry_count is None:
            died = PrerequisiteDied(f"a job that this one was to run after has died, see batch {waited}")
            self._end(self._failed(run, payload, body, died, _current(run, payload)))
            return
        context = self._context.copy()
        if body.is_async:
            self._crew.spawn(self._arun(run, payload, body), context)
        else:
            self._crew.run(lambda: context.run(self._run, run, payload, body))

    def interrupt(self) -> None:
        """Cancel the coroutines that run; they count as not run."""
        self._interrupting = True
        self._crew.interrupt()

    def _run(self, run: Run, payload: Payload, body: Body) -> None:
        current, slot = _current(run, payload), None
        try:
            if body.gate is None or (slot := body.gate.try_acquire()) is not None:
                with running(current):
                    call(payload, body)
                ended = _done(run, payload)
            else:
                ended = _later(run, payload, refused(payload, body.gate))
        except BaseException as error:  # noqa: BLE001  a job's sys.exit() must not take its thread with it
            ended = self._failed(run, payload, body, error, current)
        if slot is not None:
            try:
                slot.release()
            except AWAY as error:
                _log_kept(payload, error)
        self._end(ended)

    async def _arun(self, run: Run, payload: Payload, body: Body) -> None:
        current, slot = _current(run, payload), None
        ended: Ended | None = None
        try:
            if body.gate is None or (slot := await body.gate.atry_acquire()) is not None:
                with running(current):
                    await acall(payload, body)
                ended = _done(run, payload)
            else:
                ended = _later(run, payload, refused(payload, body.gate))
        except BaseException as error:  # noqa: BLE001  as in `_run`
            if not (self._interrupting and isinstance(error, asyncio.CancelledError)):
                ended = self._failed(run, payload, body, error, current)
        if slot is not None:
            try:
                await slot.arelease()
            except AWAY as error:
                _log_kept(payload, error)
        if ended is None:
            log.info("job %s (%s) was interrupted", payload.message.id, payload.message.name)
        else:
            self._end(ended)

    def _failed(
        self, run: Run, payload: Payload, body: Body | None, error: BaseException, current: CurrentJob | None = None
    ) -> Ended:
        most = payload.message.options.get("max_requeues")
        if isinstance(error, Requeue) and error.asked and isinstance(most, int) and count_of(payload.message) >= most:
            error = JobError(f"it was requeued {most} times, and may not be once more: max_requeues={most}")
        reschedule = put_back_of(self._client, payload.message, error)
        if reschedule is not None:
            return _later(run, payload, reschedule)
        try:
            ended = failed(run, payload, error, body)
        except Exception as second:
            log.exception("job %s cannot be written again; it is kept among the dead as it was", payload.message.id)
            ended = unreadable(run, second)
        if ended.discarded:
            _log(run, payload, f"discarded: {error!r}", logging.INFO)
        else:
            _log(run, payload, f"failed ({ended.verb})", logging.WARNING, error)
        if ended.outcome is Outcome.DIED:
            if body is not None and body.exhausted is not None and not ended.discarded:
                try:
                    body.exhausted(current, error)
                except Exception:
                    log.exception("exhausted of %s failed", payload.message.name)
            on_death.fire(current, error)
        return ended


def _current(run: Run, payload: Payload) -> CurrentJob:
    run.since = time.monotonic()
    announce_start(run)
    _log(run, payload, "start", logging.INFO)
    return CurrentJob(payload.message.id, run.queue, payload.message, payload.attempt)


def _later(run: Run, payload: Payload, reschedule: Reschedule) -> Ended:
    _log(run, payload, f"put back for {reschedule.delay:.1f} s", logging.INFO)
    return later(run, payload, reschedule)


def _log_kept(payload: Payload, error: BaseException) -> None:
    log.warning(
        "job %s: its slot could not be given back and is taken until its lease ends: %s", payload.message.id, error
    )


def _done(run: Run, payload: Payload) -> Ended:
    _log(run, payload, "done", logging.INFO)
    return Ended(run, "done", Outcome.SUCCEEDED)


def _log(run: Run, payload: Payload, what: str, level: int, error: BaseException | None = None) -> None:
    if not log.isEnabledFor(level):
        return
    message, batch = payload.message, payload.message.batch
    facts = {"jid": message.id, "bid": batch.bid if batch else None, "class": message.name, "queue": run.queue}
    if what != "start":
        facts["seconds"] = f"{time.monotonic() - run.since:.3f}"
    text = " ".join(f"{name}={value}" for name, value in facts.items() if value is not None)
    log.log(level, "%s %s", what, text, extra={"job": facts}, exc_info=error)
