"""`Site`: what all pages of a dashboard share; rendering a page, and answering a form."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from shiftboss.client import Shiftboss
from shiftboss.engines.sidekiq.sets import Stats
from shiftboss.web import saying
from shiftboss.web.addresses import address, page_of, prefix_of
from shiftboss.web.hiding import Redact
from shiftboss.web.origin import FIELD, has_token, is_ours, remember, token_of
from shiftboss.web.outcomes import OUTCOMES
from shiftboss.web.pace import Pace

FORM_LIMIT = 1 << 20
FIELDS_LIMIT = 2_000


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


@dataclass(frozen=True)
class Form:
    """What a form said.

    Args:
        action: Which of its buttons was pressed.
        fields: All its fields.
    """

    action: str
    fields: dict[str, list[str]]

    def get(self, name: str) -> str:
        """One field; empty if it was not sent."""
        return self.fields.get(name, [""])[0]

    def all(self, name: str) -> list[str]:
        """All fields of a name."""
        return self.fields.get(name, [])


# What an action did, by a word of `OUTCOMES`, and to how many.
Outcome = tuple[str, int]
Action = Callable[[Request, Form], Awaitable[Outcome | Response]]
Endpoint = Callable[[Request], Awaitable[Response]]


def site_of(request: Request) -> Site:
    """What the dashboard of a request was made with."""
    site: Site = request.app.state.site
    return site


def client_of(request: Request) -> Shiftboss:
    """Whose Redis a request is about."""
    return site_of(request).client


async def render(
    request: Request, template: str, *, code: int = 200, stats: Stats | None = None, **said: Any
) -> Response:
    """A page.

    Args:
        request: What it answers.
        template: Its file.
        code: The HTTP status.
        stats: For the counts beside the names of pages; read if not given.
        said: What the template shows.
    """
    site = site_of(request)
    if stats is None and site.has_jobs:
        stats = await Stats.aread(client=site.client)
    return show(request, template, code=code, stats=stats, **said)


def show(request: Request, template: str, *, code: int, stats: Stats | None, **said: Any) -> Response:
    """A page of what is known already."""
    site, prefix = site_of(request), prefix_of(request.scope)

    def url(path: str, **query: Any) -> str:
        return address(prefix, path, query)

    def here(**changes: Any) -> str:
        kept = {name: value for name, value in request.query_params.items() if name not in ("did", "n")}
        return url(page_of(request.scope), **(kept | changes))

    text = (
        _environment()
        .get_template(template)
        .render(
            url=url,
            here=here,
            page=page_of(request.scope),
            token=token_of(request),
            read_only=site.read_only,
            has_jobs=site.has_jobs,
            label=f"{site.client.server.label} · {site.client.namespace}",
            stats=stats,
            outcome=_told(request),
            **said,
        )
    )
    response = HTMLResponse(text, code)
    remember(request, response, prefix)
    MutableHeaders(raw=response.raw_headers).add_vary_header("Cookie")
    return response


def acting(path: str, action: Action) -> Route:
    """A route for the forms of a page, whose action is done only if the request comes from a page of ours.

    Afterwards the browser is sent back to the page, which says what was done, unless the action has an answer of its own.
    """

    async def answer(request: Request) -> Response:
        if site_of(request).read_only:
            raise HTTPException(403, "this dashboard is read-only")
        if not is_ours(request):
            raise HTTPException(403, "this request does not come from a page of this dashboard")
        form = await _read(request)
        if not has_token(request, form.get(FIELD)):
            raise HTTPException(403, "the form is too old; load the page again")
        outcome = await action(request, form)
        if isinstance(outcome, Response):
            return outcome
        did, n = outcome
        kept = {name: value for name, value in request.query_params.items() if name not in ("did", "n")}
        back = address(prefix_of(request.scope), page_of(request.scope), {**kept, "did": did, "n": n})
        return RedirectResponse(back, 303)

    return Route(path, answer, methods=["POST"])


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


def number(request: Request, name: str, default: int, most: int = 10_000_000) -> int:
    """A whole number of the query, the default where there is none or it cannot be."""
    text = request.query_params.get(name, "")
    return min(int(text), most) if text.isascii() and text.isdigit() and len(text) < 10 else default


async def _read(request: Request) -> Form:
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > FORM_LIMIT:
            raise HTTPException(413, "the form is too large")
    try:
        fields = parse_qs(body.decode(), keep_blank_values=True, max_num_fields=FIELDS_LIMIT)
    except ValueError as error:
        raise HTTPException(400, "the form cannot be read") from error
    return Form(fields.get("action", [""])[0], fields)


def _told(request: Request) -> str:
    """What an action did, if the browser comes from one. Only words of ours are ever shown."""
    did = OUTCOMES.get(request.query_params.get("did", ""))
    return "" if did is None else did(number(request, "n", 0))


@cache
def _environment() -> Environment:
    found = Environment(
        loader=PackageLoader("shiftboss.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters |= saying.FILTERS
    return found
