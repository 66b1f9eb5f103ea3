"""Errors of Redis in words. That they are what servers cause is shown in tests/integration/cli."""

from __future__ import annotations

import socket
import ssl

import pytest
from redis import exceptions
from redis.sentinel import MasterNotFoundError

from shiftboss.redis_errors import explain


def caused(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


WHERE = "redis://***@db:6379/0"
CASES = [
    (exceptions.AuthenticationError("Authentication required."), "redis://:PASSWORD@db:6379/0"),
    (exceptions.AuthenticationError("invalid username-password pair or user is disabled."), "refuses this password"),
    (caused(exceptions.ConnectionError("x"), ConnectionRefusedError()), "connection refused"),
    (caused(exceptions.ConnectionError("x"), socket.gaierror()), "host name is not known"),
    (caused(exceptions.ConnectionError("x"), ConnectionResetError()), "write rediss:// instead of redis://"),
    (exceptions.ConnectionError("Connection closed by server."), "write rediss:// instead of redis://"),
    (caused(exceptions.ConnectionError("x"), ssl.SSLCertVerificationError()), "?ssl_ca_certs=FILE"),
    (exceptions.ConnectionError("[SSL: WRONG_VERSION_NUMBER]"), "does not speak TLS"),
    (exceptions.TimeoutError("Timeout reading from socket"), "no answer in time"),
    (exceptions.InvalidResponse('Protocol error, got "H"'), "is not Redis"),
    (exceptions.ReadOnlyError("You can't write against a read only replica."), "name its primary"),
    (exceptions.ResponseError("DB index is out of range"), "the number at the end of the URL"),
    (exceptions.ConnectionError("Cluster mode is not enabled on this node"), "is no cluster"),
    (MasterNotFoundError("No master found for 'x' : <redis.client.Redis(...)>"), "no sentinel"),
    (
        exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
        "refuses: command not allowed",
    ),
]


@pytest.mark.parametrize(("error", "words"), CASES, ids=[words for _, words in CASES])
def test_the_line_says_where_and_what_to_do(error: Exception, words: str) -> None:
    line = explain(error, WHERE)
    assert words in line
    assert "db:6379" in line
    assert "\n" not in line


def test_a_missing_socket_is_named_so() -> None:
    error = caused(exceptions.ConnectionError("x"), FileNotFoundError())
    assert "there is no such socket" in explain(error, "unix:///run/redis.sock")
