"""How much there is of everything, and how many jobs ran of late."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.batches import BatchSet
from shiftboss.engines.sidekiq.sets import Stats
from shiftboss.web.chart import chart
from shiftboss.web.site import Form, Outcome, acting, client_of, number, render, site_of

SPANS = (7, 30, 90)
NEWEST = 6


async def overview(request: Request) -> Response:
    client, days = client_of(request), number(request, "days", 30)
    days = days if days in SPANS else 30
    batches = await BatchSet(client=client).apage(NEWEST)
    if not site_of(request).has_jobs:
        return await render(request, "overview.html", chart=None, batches=batches.statuses, days=days, spans=SPANS)
    stats = await Stats.aread(client=client)
    runs = chart(await Stats.ahistory(days, client=client))
    return await render(
        request, "overview.html", stats=stats, chart=runs, batches=batches.statuses, days=days, spans=SPANS
    )


async def act(request: Request, form: Form) -> Outcome:
    if form.action != "reset":
        return "none", 0
    await Stats.areset(client=client_of(request))
    return "reset", 0


ROUTES = [Route("/", overview, methods=["GET"]), acting("/", act)]
