"""`Dashboard`: the pages as one ASGI app, and what stands in front of all of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shiftboss.client import Shiftboss, current_client
from shiftboss.errors import ConfigError
from shiftboss.web.access import Authorize, ask, check_login, host_of
from shiftboss.web.addresses import is_prefix, prefix_of
from shiftboss.web.hiding import Redact
from shiftboss.web.mishaps import HANDLERS
from shiftboss.web.pages import ROUTES
from shiftboss.web.site import Site

STATIC = Path(__file__).parent / "static"
# Nothing from elsewhere, no script or style in a page, no frame around it, no form to elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",  # no-referrer would make the Origin of forms null
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Dashboard:
    """An ASGI app that shows what Redis holds of jobs, batches, limiters and schedules, and changes it.

    Say who may see it: `users`, `authorize`, or both; or `insecure`, if something in front of it sees to that.

    Args:
        client: Whose Redis; default the current client at the first request.
        users: Names and passwords that the browser asks for (HTTP Basic).
        authorize: Given each request, whether it is let in: True; False, which answers 403; or a response, such as a redirect
            to your login, which it may also raise as an HTTPException. A function, which runs in a thread, or a coroutine
            function.
        insecure: Whether anybody may see it who reaches it.
        read_only: Whether nothing can be changed.
        redact: Whether arguments of jobs are hidden; or a function of a job's name and its arguments that returns what is
            shown instead.
        hosts: The names by which it is reached; a request for another one is refused. Default: any.

    Raises:
        ConfigError: It is not said who may see it.

    Example:
        >>> from shiftboss.web import Dashboard
        >>> dashboard = Dashboard(users={"ada": "correct horse"}, read_only=True)
    """

    def __init__(
        self,
        client: Shiftboss | None = None,
        *,
        users: Mapping[str, str] | None = None,
        authorize: Authorize | None = None,
        insecure: bool = False,
        read_only: bool = False,
        redact: Redact = False,
        hosts: Iterable[str] | None = None,
    ) -> None:
        if not (users or authorize or insecure):
            raise ConfigError("say who may see the dashboard: users=, authorize=, or insecure=True for anybody")
        self._client = client
        self._users = dict(users or {})
        self._authorize = authorize
        self._hosts = None if hosts is None else {host.lower() for host in hosts}
        static = StaticFiles(directory=STATIC, follow_symlink=True)  # editable installs are made of links
        self._pages = Starlette(routes=[Mount("/static", static), *ROUTES], exception_handlers=HANDLERS)
        self._pages.state.site = Site(lambda: self._client or current_client(), read_only, redact)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pages(scope, receive, send)
            return
        request = Request(scope, receive)
        answer: ASGIApp = (await self._refusal(request)) or self._pages
        await answer(scope, receive, _secured(send))

    async def _refusal(self, request: Request) -> Response | None:
        """None if the request is to be answered by a page."""
        if not is_prefix(prefix_of(request.scope)):
            return PlainTextResponse("the prefix that the dashboard is mounted at is none", 400)
        if self._hosts is not None and host_of(request.headers.get("host", "")).lower() not in self._hosts:
            return PlainTextResponse("this host is not known here", 400)
        if self._users and (refusal := check_login(request, self._users)) is not None:
            return refusal
        return None if self._authorize is None else await ask(self._authorize, request)


def _secured(send: Send) -> Send:
    """Adds what tells the browser to be careful; pages are kept by no cache, static files not unasked."""

    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]
            kept = any(name.lower() == b"etag" for name, _ in message["headers"])
            headers.append((b"cache-control", b"no-cache" if kept else b"no-store"))
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return wrapped
