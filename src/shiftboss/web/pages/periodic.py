"""Schedules: what fires when, what became of it, and resting."""

from __future__ import annotations

import asyncio

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss import periodic
from shiftboss.web.forms import Form, Outcome, acting
from shiftboss.web.paging import paging
from shiftboss.web.rendering import render
from shiftboss.web.site import client_of

OUTCOMES = 5
UPCOMING = 5


async def entries(request: Request) -> Response:
    client, text = client_of(request), request.query_params.get("q", "").strip()
    names = await periodic.aschedules(client=client)
    schedule = request.query_params.get("schedule", "") or ("default" if "default" in names or not names else names[0])
    found = await periodic.aentries(schedule, client=client)
    wanted = [one for one in found if text.lower() in f"{one.entry.name} {one.entry.job}".lower()]
    place = paging(request, len(wanted))
    shown = wanted[place.span]
    histories = await asyncio.gather(
        *(periodic.ahistory(one.entry.name, schedule, limit=OUTCOMES, client=client) for one in shown)
    )
    return await render(
        request,
        "periodic.html",
        schedule=schedule,
        schedules=names,
        entries=list(zip(shown, histories, strict=True)),
        leader=await periodic.aleader(schedule, client=client),
        total=len(found),
        text=text,
        paging=place,
    )


async def entry(request: Request) -> Response:
    client, query = client_of(request), request.query_params
    schedule, name = query.get("schedule", "default"), query.get("name", "")
    status = next((one for one in await periodic.aentries(schedule, client=client) if one.entry.name == name), None)
    if status is None:
        raise HTTPException(404, f"no entry {name!r} in schedule {schedule!r}")
    return await render(
        request,
        "entry.html",
        schedule=schedule,
        status=status,
        entry=status.entry,
        upcoming=periodic.upcoming(status.entry, UPCOMING) if status.entry.enabled else [],
        runs=await periodic.ahistory(name, schedule, client=client),
    )


async def act(request: Request, form: Form) -> Outcome:
    client = client_of(request)
    schedule, name = form.get("schedule") or "default", form.get("entry")
    match form.action:
        case "pause":
            await periodic.apause(name, schedule, client=client)
            return "paused", 0
        case "resume":
            await periodic.aresume(name, schedule, client=client)
            return "resumed", 0
        case "run":
            await periodic.arun_now(name, schedule, client=client)
            return "run", 0
    return "none", 0


ROUTES = [
    Route("/periodic", entries, methods=["GET"]),
    acting("/periodic", act),
    Route("/entry", entry, methods=["GET"]),
    acting("/entry", act),
]
