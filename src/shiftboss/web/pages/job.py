"""One job where it waits: all that is known of it."""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.engines.sidekiq.sets import Entry, Failures, Queue
from shiftboss.web.hiding import HIDDEN, arguments
from shiftboss.web.pages.waiting import SETS, TITLES, key_of, moment_of, set_of
from shiftboss.web.rendering import render
from shiftboss.web.site import client_of, number, site_of

# How much is shown of a payload, of which a job may have 1 MiB.
MOST = 64 * 1024
LOOKED_AT = 200


async def job(request: Request) -> Response:
    site, kind, query = site_of(request), request.query_params.get("in", ""), request.query_params
    entry = await _entry(request)
    if entry is None:
        return await render(request, "job_gone.html", code=404, kind=kind, jid=query.get("jid", ""), titles=TITLES)
    newest = await Failures(client=site.client).apage(0, LOOKED_AT)
    args = arguments(site.redact, entry.name, entry.args)
    if entry.payload is None:
        args = HIDDEN if site.redact else entry.raw[:MOST].decode("utf-8", "replace")
    return await render(
        request,
        "job.html",
        kind=kind,
        titles=TITLES,
        entry=entry,
        key=f"{number(request, 'at', 0)}|{entry.jid}" if kind == "queue" else key_of(entry),
        args=args[:MOST] + ("…" if len(args) > MOST else ""),
        options={name: _shown(value) for name, value in entry.options.items()},
        failure=next((failure for failure in newest if failure.jid and failure.jid == entry.jid), None),
    )


async def _entry(request: Request) -> Entry | None:
    query, kind = request.query_params, request.query_params.get("in", "")
    if kind == "queue":
        return await Queue(query.get("queue", ""), client=client_of(request)).afind(
            query.get("jid", ""), number(request, "at", 0)
        )
    if kind in SETS:
        return await set_of(request, kind).afind(query.get("jid", ""), moment_of(query.get("at", "")))
    raise HTTPException(404, "there is no such place")


def _shown(value: Any) -> str:
    return msgspec.json.encode(value).decode()[:MOST]


ROUTES = [Route("/job", job, methods=["GET"])]
