"""All batches, newest first."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.batches import BatchSet
from shiftboss.batches.status import STATES
from shiftboss.web.paging import PAGE
from shiftboss.web.rendering import render
from shiftboss.web.site import client_of


async def batches(request: Request) -> Response:
    said = {name: request.query_params.get(name, "").strip() for name in ("tag", "q", "state")}
    state = said["state"] if said["state"] in STATES else ""
    wanted = BatchSet(tag=said["tag"] or None, text=said["q"] or None, state=state or None, client=client_of(request))
    page = await wanted.apage(PAGE, request.query_params.get("before", ""))
    return await render(
        request,
        "batches.html",
        batches=page.statuses,
        before=page.before,
        total=await wanted.acount(),
        states=STATES,
        state=state,
        tag=said["tag"],
        text=said["q"],
    )


ROUTES = [Route("/batches", batches, methods=["GET"])]
