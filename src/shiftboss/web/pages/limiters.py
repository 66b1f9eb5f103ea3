"""Limiters: how each is used, and what can be done about it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from operator import attrgetter

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss import limiters
from shiftboss.limiters import ConcurrentLimiter, Limiter
from shiftboss.web.chart import by_minute
from shiftboss.web.forms import Form, Outcome, acting
from shiftboss.web.paging import paging
from shiftboss.web.rendering import render
from shiftboss.web.site import HOURS, client_of, hours_of

# How many are looked at for the list: it is sorted, and the list that Redis has is not.
MOST = 2_000


async def listed(request: Request) -> Response:
    client, text = client_of(request), request.query_params.get("q", "").strip()
    found, more = list[Limiter](), False
    async for limiter in limiters.aall(text, client=client):
        if len(found) == MOST:
            more = True
            break
        found.append(limiter)
    found.sort(key=attrgetter("name"))
    place = paging(request, len(found))
    shown = found[place.span]
    states = await asyncio.gather(*(limiter.apeek() for limiter in shown))
    return await render(
        request,
        "limiters.html",
        limiters=list(zip(shown, states, strict=True)),
        text=text,
        total=len(found),
        more=more,
        paging=place,
    )


async def limiter(request: Request) -> Response:
    found = await _find(request, request.query_params.get("name", ""))
    now = datetime.now(UTC)
    holders = await found.aholders() if isinstance(found, ConcurrentLimiter) else []
    hours = hours_of(request)
    minutes = await found.ahistory(hours * 60)
    return await render(
        request,
        "limiter.html",
        limiter=found,
        state=await found.apeek(),
        holders=[holder for holder in holders if holder.ends > now],
        totals=await found.acounters(),
        attempts=by_minute(((one.at, one.admitted + one.over_limit, one.over_limit) for one in minutes), now, hours),
        overages=sum(minute.overages for minute in minutes),
        hours=hours,
        spans=HOURS,
        definition=found.definition(),
    )


async def act(request: Request, form: Form) -> Outcome:
    if form.action != "reset":
        return "none", 0
    await (await _find(request, form.get("limiter"))).areset()
    return "reset", 0


async def _find(request: Request, name: str) -> Limiter:
    found = await limiters.afind(name, client=client_of(request))
    if found is None:
        raise HTTPException(404, f"no limiter {name!r} is in use")
    return found


ROUTES = [
    Route("/limiters", listed, methods=["GET"]),
    acting("/limiters", act),
    Route("/limiter", limiter, methods=["GET"]),
    acting("/limiter", act),
]
