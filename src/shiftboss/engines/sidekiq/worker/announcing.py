"""Telling `shiftboss.events` what becomes of jobs, where somebody listens."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from shiftboss import events
from shiftboss.jobs import Outcome

if TYPE_CHECKING:
    from shiftboss.engines.sidekiq.worker.hold import Ended, Run

ENDS = {
    Outcome.SUCCEEDED: "job.done",
    Outcome.FAILED: "job.failed",
    Outcome.DIED: "job.died",
    Outcome.RESCHEDULED: "job.put_back",
    Outcome.INTERRUPTED: "job.put_back",
}


def announce_start(run: Run) -> None:
    """A job begins to run."""
    if events.is_heard("job.started"):
        events.emit("job.started", **_facts(run))


def announce_end(ended: Ended) -> None:
    """A job ran, or was found not to be one."""
    name = ENDS[ended.outcome]
    if not events.is_heard(name):
        return
    facts = _facts(ended.run)
    if ended.outcome in {Outcome.RESCHEDULED, Outcome.INTERRUPTED}:
        facts["reason"] = ended.outcome.value
    else:
        facts["seconds"] = time.monotonic() - ended.run.since
    if ended.outcome in {Outcome.FAILED, Outcome.DIED}:
        facts["error"] = type(ended.error).__qualname__ if ended.error is not None else ""
    events.emit(name, **facts)


def _facts(run: Run) -> dict[str, object]:
    message = run.payload.message if run.payload is not None else None
    return {"name": message.name if message else "", "queue": run.queue, "jid": message.id if message else ""}
