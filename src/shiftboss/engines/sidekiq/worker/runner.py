"""Running a job: what its payload stands for, in a context of its own, and what became of it."""

from __future__ import annotations

import asyncio
import contextvars
import logging
import os
import random
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from shiftboss.endings import Requeue, count_of, stopping
from shiftboss.engines.sidekiq.payload import Payload, decode
from shiftboss.engines.sidekiq.worker.announcing import announce_start
from shiftboss.engines.sidekiq.worker.bodies import Body, find
from shiftboss.engines.sidekiq.worker.calling import acall, call, has_expired
from shiftboss.engines.sidekiq.worker.children import end_child
from shiftboss.engines.sidekiq.worker.crew import Crew
from shiftboss.engines.sidekiq.worker.dying import tell_of_death
from shiftboss.engines.sidekiq.worker.failure import failed, later, refused, unreadable
from shiftboss.engines.sidekiq.worker.hold import Ended, Run
from shiftboss.engines.sidekiq.worker.outage import AWAY
from shiftboss.errors import JobError, OverLimit, PrerequisiteDied
from shiftboss.extension import Reschedule
from shiftboss.jobs import PREREQUISITE_DIED, CurrentJob, Message, Outcome, error_name, error_text, running
from shiftboss.reporting import put_back_of
from shiftboss.text import printable

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.engine import Gate, Slot

log = logging.getLogger("shiftboss.worker")
# Seconds that a job pauses whose limiter cannot be asked.
UNASKED_PAUSE = 5.0


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
            try:
                self._sort(run, payload, unwanted)
            except Exception as error:  # noqa: BLE001  the others of its fetch shall run all the same
                self._end(self._failed(run, payload, None, error))

    def _sort(self, run: Run, payload: Payload, unwanted: frozenset[str]) -> None:
        if payload.message.id in unwanted:
            self._leave_out(run, payload, "it is no longer wanted")
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
        except Exception as error:  # noqa: BLE001  whatever is wrong with it, the others of its fetch shall run
            log.warning("a job goes to the dead set: %s", error)
            tell_of_death(None, None, error)
            self._end(unreadable(run, error))
        return run.payload

    def _unwanted(self, messages: Sequence[Message], sign: str | None) -> frozenset[str]:
        found: frozenset[str] = frozenset()
        try:
            for extension in self._client.extensions.values():
                found |= self._client.perform(extension.unwanted(messages, sign))
        except AWAY as error:
            log.warning("jobs run although they may have become unwanted; nobody could be asked: %s", error)
        except Exception:
            log.exception("jobs run although they may have become unwanted; asking failed")
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

    def interrupt(self, patience: float) -> bool:
        """Cancel the coroutines that run, which count as not run; whether all have ended within so many seconds."""
        self._interrupting = True
        return self._crew.interrupt(patience)

    def _run(self, run: Run, payload: Payload, body: Body) -> None:
        current, entered, begun, process = _current(run, payload), None, False, os.getpid()
        try:
            if body.gate is not None:
                entered = _enter(payload, body.gate)
            if isinstance(entered, Reschedule):
                ended = _later(run, payload, entered, begun=False)
            else:
                begun = True
                with running(current):
                    call(payload, body)
                end_child(process)
                ended = _done(run, payload)
        except BaseException as error:  # noqa: BLE001  a job's sys.exit() must not take its thread with it
            end_child(process, error)
            ended = self._failed(run, payload, body, error, current, begun=begun)
        if entered is not None and not isinstance(entered, Reschedule):
            try:
                entered.release()
            except Exception as error:  # noqa: BLE001  it ends by itself; the job has ended now
                _log_kept(payload, error)
        self._end(ended)

    async def _arun(self, run: Run, payload: Payload, body: Body) -> None:
        current, entered, begun, process = _current(run, payload), None, False, os.getpid()
        ended: Ended | None = None
        try:
            if body.gate is not None:
                entered = await _aenter(payload, body.gate)
            if isinstance(entered, Reschedule):
                ended = _later(run, payload, entered, begun=False)
            else:
                begun = True
                with running(current):
                    await acall(payload, body)
                end_child(process)
                ended = _done(run, payload)
        except BaseException as error:  # noqa: BLE001  as in `_run`
            end_child(process, error)
            if not (self._interrupting and isinstance(error, asyncio.CancelledError)):
                ended = self._failed(run, payload, body, error, current, begun=begun)
        if entered is not None and not isinstance(entered, Reschedule):
            try:
                await entered.arelease()
            except Exception as error:  # noqa: BLE001  as in `_run`
                _log_kept(payload, error)
        if ended is None:
            log.info("job %s (%s) was interrupted", payload.message.id, payload.message.name)
        else:
            self._end(ended)

    def _failed(
        self,
        run: Run,
        payload: Payload,
        body: Body | None,
        error: BaseException,
        current: CurrentJob | None = None,
        *,
        begun: bool = False,
    ) -> Ended:
        """What becomes of a job that raised. Whatever its errors, options and hooks do here, it ends: else it would keep its
        slot for ever.
        """
        try:
            ended = self._judged(run, payload, body, error, begun=begun)
        except BaseException:
            log.exception("job %s failed, and so did finding out what that means for it", payload.message.id)
            ended = _judged_without_body(run, payload, error)
        if ended.outcome is Outcome.DIED:
            tell_of_death(None if ended.discarded else body, current, error)
        return ended

    def _judged(self, run: Run, payload: Payload, body: Body | None, error: BaseException, *, begun: bool) -> Ended:
        most = payload.message.options.get("max_requeues")
        if isinstance(error, Requeue) and error.asked and isinstance(most, int) and count_of(payload.message) >= most:
            error = JobError(f"it was requeued {most} times, and may not be once more: max_requeues={most}")
        reschedule = put_back_of(self._client, payload.message, error)
        if reschedule is not None:
            return _later(run, payload, reschedule, begun=begun)
        ended = failed(run, payload, error, body)
        if ended.discarded:
            _log(run, payload, f"discarded: {error_name(error)}: {error_text(error)}", logging.INFO)
        else:
            _log(run, payload, f"failed ({ended.verb})", logging.WARNING, error)
        return ended


def _judged_without_body(run: Run, payload: Payload, error: BaseException) -> Ended:
    """What becomes of a job by its payload alone; if that cannot be written again, it is kept as it was."""
    try:
        return failed(run, payload, error)
    except Exception as second:  # noqa: BLE001  there is nothing left to try
        return unreadable(run, second)


def _enter(payload: Payload, gate: Gate) -> Slot | Reschedule:
    """Leave to run behind a gate, or when to try again."""
    try:
        return gate.enter()
    except OverLimit as refusal:
        return refused(payload, gate, refusal)
    except AWAY as error:
        return _unasked(payload, gate, error)


async def _aenter(payload: Payload, gate: Gate) -> Slot | Reschedule:
    """As `_enter`, for coroutines."""
    try:
        return await gate.aenter()
    except OverLimit as refusal:
        return refused(payload, gate, refusal)
    except AWAY as error:
        return _unasked(payload, gate, error)


def _unasked(payload: Payload, gate: Gate, error: BaseException) -> Reschedule:
    """When to try again a job whose gate could not be asked, which is not the job's failure."""
    log.warning("job %s is put back: limiter %r could not be asked: %s", payload.message.id, gate.name, error)
    return Reschedule(random.uniform(0.5, 1.0) * UNASKED_PAUSE, {})


def _current(run: Run, payload: Payload) -> CurrentJob:
    run.since = time.monotonic()
    announce_start(run)
    _log(run, payload, "start", logging.INFO)
    return CurrentJob(payload.message.id, run.queue, payload.message, payload.attempt)


def _later(run: Run, payload: Payload, reschedule: Reschedule, *, begun: bool) -> Ended:
    _log(run, payload, f"put back for {reschedule.delay:.1f} s", logging.INFO)
    return later(run, payload, reschedule, begun=begun)


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
    # Whoever can push can choose names; they shall not write lines of their own.
    text = " ".join(f"{name}={printable(str(value))}" for name, value in facts.items() if value is not None)
    log.log(level, "%s %s", what, text, extra={"job": facts}, exc_info=error)
