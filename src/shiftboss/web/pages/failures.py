"""The newest failed runs, whatever became of their jobs."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.engines.sidekiq.sets import Failures, Stats
from shiftboss.web.forms import Form, Outcome, acting
from shiftboss.web.paging import PAGE, paging
from shiftboss.web.rendering import render
from shiftboss.web.site import client_of


async def failures(request: Request) -> Response:
    kept = Failures(client=client_of(request))
    shown = paging(request, await kept.acount())
    runs = await kept.apage(shown.first, PAGE)
    return await render(request, "failures.html", runs=runs, size=shown.size, paging=shown)


async def act(request: Request, form: Form) -> Outcome:
    match form.action:
        case "forget":
            await Failures(client=client_of(request)).aclear()
            return "forgotten", 0
        case "reset":
            await Stats.areset(client=client_of(request))
            return "reset", 0
    return "none", 0


ROUTES = [Route("/failures", failures, methods=["GET"]), acting("/failures", act)]
