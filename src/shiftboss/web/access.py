"""Who may see the dashboard: those with a login of ours, and those whom the host lets in."""

from __future__ import annotations

import base64
import binascii
import hmac
import inspect
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from shiftboss.errors import ConfigError

Answer = bool | Response
Authorize = Callable[[Request], Answer | Awaitable[Answer]]
LOOPBACK = ("localhost", "127.0.0.1", "::1")


def read_login(text: str, source: str) -> dict[str, str]:
    """Names and passwords, one ``name:password`` on a line.

    Args:
        text: The lines; empty ones and those that begin with ``#`` are left out.
        source: Where they are from, for the error.

    Raises:
        ConfigError: A line that is none, or there is none. It never shows what stands there.

    Example:
        >>> read_login("ada:correct horse", "SHIFTBOSS_WEB_AUTH")
        {'ada': 'correct horse'}
    """
    users = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, password = line.strip().partition(":")
        if not name or not password:
            raise ConfigError(f"expected line {number} of {source} to be name:password")
        users[name] = password
    if not users:
        raise ConfigError(f"expected {source} to have a line name:password, got none")
    return users


def read_login_file(path: str) -> dict[str, str]:
    """Names and passwords of a file.

    Raises:
        ConfigError: It cannot be read, or a line is wrong.
    """
    try:
        text = Path(path).read_text("utf-8")
    except OSError as error:
        raise ConfigError(f"the login file {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"expected the login file {path} to be text in UTF-8") from None
    return read_login(text, path)


def check_login(request: Request, users: Mapping[str, str]) -> Response | None:
    """None for somebody with a login, else the answer that asks for one."""
    given = _given(request)
    matches = [_same(given, known) for known in users.items()]  # all of them, so that the time taken says nothing
    if any(matches):
        return None
    return PlainTextResponse("a login is needed", 401, {"WWW-Authenticate": 'Basic realm="Shiftboss", charset="UTF-8"'})


async def ask(authorize: Authorize, request: Request) -> Response | None:
    """None for somebody whom the host lets in, else its answer, or a plain 403."""
    try:
        if inspect.iscoroutinefunction(authorize):
            answer = await authorize(request)
        else:
            answer = await run_in_threadpool(authorize, request)
    except HTTPException as error:
        return PlainTextResponse(error.detail, error.status_code, error.headers)
    if isinstance(answer, Response):
        return answer
    return None if answer is True else PlainTextResponse("you may not see this", 403)


def is_loopback(host: str) -> bool:
    """Whether this is a name of this machine that only this machine reaches."""
    return host.strip("[]").lower() in LOOPBACK


def host_of(header: str) -> str:
    """The name in a Host header, without its port.

    Example:
        >>> host_of("localhost:8787"), host_of("[::1]:8787")
        ('localhost', '::1')
    """
    if header.startswith("["):
        return header[1:].partition("]")[0]
    return header.partition(":")[0]


def _given(request: Request) -> tuple[str, str]:
    scheme, _, coded = request.headers.get("authorization", "").partition(" ")
    try:
        name, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return (name, password) if scheme.lower() == "basic" else ("", "")


def _same(given: tuple[str, str], known: tuple[str, str]) -> bool:
    name, password = (hmac.compare_digest(a.encode(), b.encode()) for a, b in zip(given, known, strict=True))
    return name and password
