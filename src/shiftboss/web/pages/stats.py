"""Metrics by job: how often each ran lately, how often it failed, and how long it took."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.engines.sidekiq.sets import JobStats
from shiftboss.engines.sidekiq.sets.measured import some
from shiftboss.web.chart import by_duration, by_minute
from shiftboss.web.paging import paging
from shiftboss.web.rendering import render
from shiftboss.web.site import HOURS, client_of, hours_of


async def listed(request: Request) -> Response:
    client, hours, text = client_of(request), hours_of(request), request.query_params.get("q", "").strip()
    found: list[str] = []

    def choose(names: Sequence[str]) -> Sequence[str]:
        found.extend(name for name in names if text.lower() in name.lower())
        return found[paging(request, len(found)).span]

    jobs = await client.aperform(some(client, hours * 60, choose))
    return await render(
        request,
        "stats.html",
        jobs=jobs,
        total=len(found),
        text=text,
        hours=hours,
        spans=HOURS,
        paging=paging(request, len(found)),
    )


async def job(request: Request) -> Response:
    name, hours = request.query_params.get("name", ""), hours_of(request)
    (found,) = await JobStats.aread([name], hours * 60, client=client_of(request))
    return await render(
        request,
        "job_stats.html",
        job=found,
        hours=hours,
        spans=HOURS,
        runs=by_minute(((one.at, one.runs, one.failed) for one in found.minutes), datetime.now(UTC), hours),
        durations=by_duration(found.buckets),
    )


ROUTES = [Route("/stats", listed, methods=["GET"]), Route("/stats/job", job, methods=["GET"])]
