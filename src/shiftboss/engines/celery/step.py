"""`WatchStep`: what a Celery worker starts and stops for batches."""

from __future__ import annotations

from typing import Any

from celery import bootsteps

from shiftboss.engines.celery.clients import client_of
from shiftboss.watch import watch_of

# Seconds that the last reports may take at a stop.
LAST = 5.0


class WatchStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs the watch in the main process, once the pool has its processes."""

    requires = ("celery.worker.components:Pool",)

    def start(self, parent: Any) -> None:
        watch_of(client_of(parent.app)).start()

    def stop(self, parent: Any) -> None:
        watch_of(client_of(parent.app)).stop(LAST)

    terminate = stop
