"""Who runs jobs, what runs now, and who leads."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss import periodic
from shiftboss.engines.sidekiq.sets import ProcessSet, Work, Workers
from shiftboss.web.forms import Form, Outcome, acting
from shiftboss.web.hiding import arguments
from shiftboss.web.rendering import render
from shiftboss.web.site import client_of, site_of

SHOWN = 200


async def busy(request: Request) -> Response:
    site, client = site_of(request), client_of(request)
    processes = [process async for process in ProcessSet(client=client)]
    works = [work async for work in Workers(client=client)]
    leaders = [(name, await periodic.aleader(name, client=client)) for name in await periodic.aschedules(client=client)]

    def args(work: Work) -> str:
        message = work.payload.message if work.payload else None
        return arguments(site.redact, message.name, message.args) if message else ""

    return await render(
        request,
        "busy.html",
        processes=processes,
        works=works[:SHOWN],
        more=max(0, len(works) - SHOWN),
        leaders=leaders,
        args=args,
    )


async def act(request: Request, form: Form) -> Outcome:
    every = ProcessSet(client=client_of(request))
    chosen = form.get("process")
    found = [process async for process in every if not chosen or process.identity == chosen]
    for process in found:
        if form.action == "quiet":
            await process.aask_to_quiet()
        elif form.action == "stop":
            await process.aask_to_stop()
        else:
            return "none", 0
    return ("asked", len(found)) if found else ("gone", 0)


ROUTES = [Route("/busy", busy, methods=["GET"]), acting("/busy", act)]
