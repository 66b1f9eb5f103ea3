"""What an error of Redis means, and what to do about it, in one line."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Iterator

from redis import exceptions
from redis.sentinel import MasterNotFoundError

ELSEWHERE = "name another one with --redis or SHIFTBOSS_URL"


def explain(error: Exception, where: str) -> str:
    """The line for an error.

    Args:
        error: What was raised.
        where: The server's address without a password.
    """
    if isinstance(error, MasterNotFoundError):
        return f"no sentinel at {where} knows a primary of that name; check hosts and service name"
    if isinstance(error, exceptions.AuthenticationError):
        return _login(error, where)
    if isinstance(error, exceptions.ReadOnlyError):
        return (
            f"Redis at {where} is a replica and takes no writes; name its primary, or a sentinel: redis+sentinel://..."
        )
    if isinstance(error, exceptions.InvalidResponse):
        return f"what answers at {where} is not Redis ({error}); check host and port"
    if isinstance(error, (exceptions.TimeoutError, exceptions.ConnectionError)):
        return _network(error, where)
    return f"Redis at {where} refuses: {error}{_advice(str(error))}"


def _login(error: Exception, where: str) -> str:
    scheme, _, place = where.removesuffix("/").replace("***@", "").partition("://")
    if "required" in str(error).lower():
        return f"Redis at {where} wants a password; give it in the URL: {scheme}://:PASSWORD@{place}"
    return f"Redis at {where} refuses this password or user name; correct it in the URL"


def _network(error: Exception, where: str) -> str:
    causes = list(_causes(error))
    text = str(error)
    if any(isinstance(cause, ssl.SSLCertVerificationError) for cause in causes):
        return f"Redis at {where} has a certificate that is not trusted; append ?ssl_ca_certs=FILE to the URL"
    if "WRONG_VERSION_NUMBER" in text or "wrong version number" in text or "handshake" in f"{causes} {text}":
        return f"Redis at {where} does not speak TLS; write redis:// instead of rediss://"
    if any(isinstance(cause, socket.gaierror) for cause in causes):
        return f"no Redis at {where}: its host name is not known; {ELSEWHERE}"
    if any(isinstance(cause, ConnectionRefusedError) for cause in causes) or "refused" in text:
        return f"no Redis at {where}: connection refused; start one, or {ELSEWHERE}"
    if any(isinstance(cause, FileNotFoundError) for cause in causes):
        what = "there is no such socket" if where.startswith("unix:") else "a file in its URL does not exist"
        return f"no Redis at {where}: {what}; {ELSEWHERE}"
    if any(isinstance(cause, PermissionError) for cause in causes):
        return f"no Redis at {where}: this user may not use the socket; {ELSEWHERE}"
    if any(isinstance(cause, ConnectionResetError) for cause in causes) or "Connection closed" in text:
        tls = "" if where.startswith("rediss") else "; if it speaks TLS, write rediss:// instead of redis://"
        return f"Redis at {where} closes the connection{tls}"
    if isinstance(error, exceptions.TimeoutError):
        return f"no answer in time from Redis at {where}; is it reachable and not overloaded? Else {ELSEWHERE}"
    if "Cluster mode is not enabled" in text:
        return f"Redis at {where} is no cluster; write redis:// instead of redis+cluster://"
    return f"no Redis at {where}: {text}; {ELSEWHERE}"


def _advice(text: str) -> str:
    lowered = text.lower()
    if "db index" in lowered:
        return "; the number at the end of the URL must be one of its databases"
    if "unknown command 'sentinel'" in lowered:
        return "; it is no sentinel: write redis:// instead of redis+sentinel://"
    return ""


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__
