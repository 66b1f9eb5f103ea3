"""Queues, and the jobs of one."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.engines.sidekiq.sets import Entry, Queue
from shiftboss.web.forms import Form, Outcome, acting
from shiftboss.web.hiding import arguments
from shiftboss.web.paging import PAGE, paging
from shiftboss.web.rendering import render
from shiftboss.web.site import client_of, site_of


async def queues(request: Request) -> Response:
    return await render(request, "queues.html")


async def queue(request: Request) -> Response:
    site = site_of(request)
    of = Queue(request.query_params.get("name", ""), client=site.client)
    shown = paging(request, await of.acount())

    def args(entry: Entry) -> str:
        return arguments(site.redact, entry.name, entry.args)

    return await render(
        request,
        "queue.html",
        queue=of,
        size=shown.size,
        latency=await of.alatency(),
        paused=await of.ais_paused(),
        entries=list(enumerate(await of.apage(shown.first, PAGE), shown.first)),
        paging=shown,
        args=args,
    )


async def act_on_queues(request: Request, form: Form) -> Outcome:
    return await _act(Queue(form.get("queue"), client=client_of(request)), form)


async def act_on_queue(request: Request, form: Form) -> Outcome:
    return await _act(Queue(request.query_params.get("name", ""), client=client_of(request)), form)


async def _act(of: Queue, form: Form) -> Outcome:
    match form.action:
        case "pause":
            await of.apause()
            return "paused", 0
        case "resume":
            await of.aresume()
            return "resumed", 0
        case "clear":
            return "deleted", await of.aclear()
        case "delete":
            deleted = 0
            for place, jid in (job.split("|", 1) for job in form.all("job") if "|" in job):
                entry = await of.afind(jid, int(place) if place.isascii() and place.isdigit() else 0)
                deleted += entry is not None and await entry.adelete()
            return "deleted", deleted
    return "none", 0


ROUTES = [
    Route("/queues", queues, methods=["GET"]),
    acting("/queues", act_on_queues),
    Route("/queue", queue, methods=["GET"]),
    acting("/queue", act_on_queue),
]
