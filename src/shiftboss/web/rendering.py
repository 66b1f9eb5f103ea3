"""Pages from templates."""

from __future__ import annotations

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from shiftboss.engines.sidekiq.sets import Stats
from shiftboss.web import saying
from shiftboss.web.addresses import address, page_of, prefix_of
from shiftboss.web.origin import remember, token_of
from shiftboss.web.outcomes import kept, told
from shiftboss.web.site import site_of


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
        return url(page_of(request.scope), **(kept(request) | changes))

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
            outcome=told(request),
            **said,
        )
    )
    response = HTMLResponse(text, code)
    remember(request, response, prefix)
    MutableHeaders(raw=response.raw_headers).add_vary_header("Cookie")
    return response


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
