"""Jobs that features bring along, a batch's callbacks above all, as tasks of the app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from celery import Celery

from shiftboss.client import Shiftboss

RETRIES = 25
# A callback is acknowledged when it has run: nobody else would miss the one that a killed worker ran. A second copy does no harm,
# for only one runs at a time.
ACKNOWLEDGED_LATE = {"acks_late": True, "reject_on_worker_lost": True}
# Seconds before the first retry of a callback, doubled each time; beyond the longest a Redis broker would deliver twice.
FIRST_RETRY, LONGEST_RETRY = 15, 1800


def register(app: Celery, client: Shiftboss) -> None:
    """Make them tasks. ``task_annotations`` may change their `max_retries` and `default_retry_delay`."""
    for extension in client.extensions.values():
        for name, body in extension.jobs.items():
            options = {"max_retries": RETRIES, "default_retry_delay": FIRST_RETRY, "ignore_result": True}
            app.task(_task(body), name=name, bind=True, shared=False, **options, **ACKNOWLEDGED_LATE)


def _task(body: Callable[..., Any]) -> Callable[..., Any]:
    def run(self: Any, *args: Any) -> None:
        try:
            body(*args)
        except Exception as error:
            delay = min(self.default_retry_delay * 2**self.request.retries, LONGEST_RETRY)
            raise self.retry(exc=error, countdown=delay) from error

    return run
