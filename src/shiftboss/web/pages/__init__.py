"""The pages, one module for each kind."""

from shiftboss.web.pages import (
    batch,
    batches,
    busy,
    failures,
    job,
    limiters,
    metrics,
    overview,
    periodic,
    queues,
    stats,
    waiting,
)
from shiftboss.web.site import of_jobs

ROUTES = [
    *(route for module in (overview, batches, batch, limiters, periodic, metrics) for route in module.ROUTES),
    *(of_jobs(route) for module in (busy, queues, job, failures, waiting, stats) for route in module.ROUTES),
]

__all__ = ["ROUTES"]
