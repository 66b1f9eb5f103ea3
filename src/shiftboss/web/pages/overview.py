"""How much there is of everything, and how many jobs ran of late."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.batches import BatchSet
from shiftboss.engines.sidekiq.sets import Stats
from shiftboss.web.chart import by_day, by_look
from shiftboss.web.forms import Form, Outcome, acting
from shiftboss.web.pace import LOOKS
from shiftboss.web.rendering import render
from shiftboss.web.site import client_of, number, site_of

SPANS = (7, 30, 90)
NEWEST = 6


async def overview(request: Request) -> Response:
    client, days = client_of(request), number(request, "days", 30)
    days = days if days in SPANS else 30
    batches = await BatchSet(client=client).apage(NEWEST)
    said: dict[str, Any] = {"batches": batches.statuses, "days": days, "spans": SPANS}
    if not site_of(request).has_jobs:
        return await render(request, "overview.html", now=None, runs=None, **said)
    stats = await Stats.aread(client=client)
    now = by_look(site_of(request).pace.look(stats.processed, stats.failed), LOOKS)
    runs = by_day(await Stats.ahistory(days, client=client))
    return await render(request, "overview.html", stats=stats, now=now, runs=runs, **said)


async def act(request: Request, form: Form) -> Outcome:
    if form.action != "reset":
        return "none", 0
    await Stats.areset(client=client_of(request))
    return "reset", 0


ROUTES = [Route("/", overview, methods=["GET"]), acting("/", act)]
