"""Whether a request that changes something comes from a page of ours: the browser says so, and the page had a token."""

from __future__ import annotations

import hmac
import re
import secrets
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

COOKIE = "shiftboss_token"
FIELD = "token"
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")


def token_of(request: Request) -> str:
    """The token of this browser, from its cookie, or a new one."""
    if not hasattr(request.state, "token"):
        found = request.cookies.get(COOKIE, "")
        request.state.token = found if _TOKEN.fullmatch(found) else secrets.token_urlsafe(32)
    return str(request.state.token)


def remember(request: Request, response: Response, path: str) -> None:
    """Let the browser keep its token, for this dashboard only."""
    if request.cookies.get(COOKIE) != token_of(request):
        secure = request.url.scheme == "https"
        response.set_cookie(COOKIE, token_of(request), path=path or "/", secure=secure, httponly=True, samesite="lax")


def is_ours(request: Request) -> bool:
    """Whether the browser says that the request comes from a page of this site."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = request.headers.get("origin", "")
    return bool(origin) and urlsplit(origin).netloc == request.headers.get("host")


def has_token(request: Request, sent: str) -> bool:
    """Whether the form had the token that the browser keeps."""
    kept = request.cookies.get(COOKIE, "")
    return _TOKEN.fullmatch(kept) is not None and hmac.compare_digest(kept.encode(), sent.encode())
