"""Telling whoever wants to know that a job will not run again."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.hooks import on_death

if TYPE_CHECKING:
    from shiftboss.engines.sidekiq.worker.bodies import Body
    from shiftboss.jobs import CurrentJob

log = logging.getLogger("shiftboss.worker")


def tell_of_death(body: Body | None, job: CurrentJob | None, error: BaseException | None) -> None:
    """Call the job's own `exhausted`, if it has one, and the hook `on_death`. What they raise is logged.

    Args:
        body: What the job stands for; None if that is not known here, or not to be told.
        job: The job; None if it cannot be read.
        error: Why it died.
    """
    if body is not None and body.exhausted is not None and error is not None:
        try:
            body.exhausted(job, error)
        except BaseException:
            log.exception("exhausted of %s failed", job.message.name if job is not None else "a job")
    on_death.fire(job, error)
