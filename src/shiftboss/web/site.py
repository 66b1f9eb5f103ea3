"""`Site`: what all pages of a dashboard share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from shiftboss.client import Shiftboss
from shiftboss.web.hiding import Redact
from shiftboss.web.pace import Pace

Endpoint = Callable[[Request], Awaitable[Response]]


@dataclass(frozen=True)
class Site:
    """What a dashboard was made with.

    Args:
        get_client: Whose Redis.
        read_only: Whether nothing can be changed.
        redact: Whether arguments of jobs are hidden, or how.
        pace: How fast jobs run, as far as somebody has looked.
    """

    get_client: Callable[[], Shiftboss]
    read_only: bool
    redact: Redact
    pace: Pace = field(default_factory=Pace)

    @property
    def client(self) -> Shiftboss:
        return self.get_client()

    @property
    def has_jobs(self) -> bool:
        """Whether jobs of the built-in engine can be there: its keys are of many slots."""
        return self.client.server.kind != "cluster"


def site_of(request: Request) -> Site:
    """What the dashboard of a request was made with."""
    site: Site = request.app.state.site
    return site


def client_of(request: Request) -> Shiftboss:
    """Whose Redis a request is about."""
    return site_of(request).client


def of_jobs(route: Route) -> Route:
    """The route, where there can be jobs of the built-in engine."""
    endpoint: Endpoint = route.endpoint

    async def answer(request: Request) -> Response:
        if not site_of(request).has_jobs:
            raise HTTPException(
                404, "jobs of the built-in engine need a standalone Redis or Sentinel, and this is a Cluster"
            )
        return await endpoint(request)

    return Route(route.path, answer, methods=list(route.methods or ()))


# How many hours back what was counted minute by minute is shown, of which a page lets choose.
HOURS = (1, 8)


def hours_of(request: Request) -> int:
    """How many hours back a page is to look."""
    hours = number(request, "hours", HOURS[0])
    return hours if hours in HOURS else HOURS[0]


def number(request: Request, name: str, default: int, most: int = 10_000_000) -> int:
    """A whole number of the query, the default where there is none or it cannot be."""
    text = request.query_params.get(name, "")
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 10 else default
