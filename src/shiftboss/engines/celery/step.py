"""`WatchStep`: what a Celery worker starts and stops for batches and schedules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from celery import bootsteps

from shiftboss.engines.celery.clients import client_of
from shiftboss.later import Promoter
from shiftboss.watch import watch_of

if TYPE_CHECKING:
    from shiftboss.engines.celery.engine import CeleryEngine

# Seconds that the last reports may take at a stop.
LAST = 5.0


class WatchStep(bootsteps.StartStopStep):  # type: ignore[misc]
    """Runs the watch in the main process, once the pool has its processes."""

    requires = ("celery.worker.components:Pool",)

    def start(self, parent: Any) -> None:
        client = client_of(parent.app)
        engine = cast("CeleryEngine", client.engine)
        watch_of(client).serve(Promoter(client, engine.name, engine.promote))

    def stop(self, parent: Any) -> None:
        watch_of(client_of(parent.app)).stop(LAST)

    terminate = stop
