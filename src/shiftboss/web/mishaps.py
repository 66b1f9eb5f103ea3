"""Pages for what went wrong."""

from __future__ import annotations

import logging
from typing import Any

from redis.exceptions import RedisError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from shiftboss.errors import BatchNotFound, ConfigError, EntryNotFound, ShiftbossError
from shiftboss.redis_errors import explain
from shiftboss.web.rendering import show
from shiftboss.web.site import client_of

TITLES = {400: "That cannot be", 403: "Not allowed", 404: "Not found", 405: "Not allowed", 413: "Too large"}
_log = logging.getLogger("shiftboss.web")


async def refused(request: Request, error: Any) -> Response:
    """What a page refuses."""
    detail = "" if error.detail in TITLES.values() or error.status_code == 405 else error.detail
    response = _mishap(request, error.status_code, TITLES.get(error.status_code, "Not possible"), detail)
    response.headers.update(error.headers or {})
    return response


async def unreachable(request: Request, error: Any) -> Response:
    """Redis is away, or refuses."""
    _log.warning("%r: %s", request.url.path, error)
    return _mishap(request, 503, "Redis does not answer", explain(error, client_of(request).server.label))


async def impossible(request: Request, error: Any) -> Response:
    """What the library refuses."""
    missing = isinstance(error, (BatchNotFound, EntryNotFound))
    return _mishap(request, 404 if missing else 400, TITLES[404 if missing else 400], str(error))


async def failed(request: Request, error: Any) -> Response:  # noqa: ARG001  the server logs it
    """A fault of ours; its traceback is in the log."""
    return _mishap(request, 500, "This should not happen", "The log of the dashboard says more.")


def _mishap(request: Request, status: int, title: str, detail: str) -> Response:
    return show(request, "mishap.html", code=status, stats=None, title=title, detail=detail)


HANDLERS: dict[Any, Any] = {
    HTTPException: refused,
    RedisError: unreachable,
    ConfigError: impossible,
    ShiftbossError: impossible,
    Exception: failed,
}
