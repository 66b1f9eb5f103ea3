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
    waiting,
)

ROUTES = [
    route
    for module in (overview, busy, queues, job, failures, waiting, batches, batch, limiters, periodic, metrics)
    for route in module.ROUTES
]

__all__ = ["ROUTES"]
