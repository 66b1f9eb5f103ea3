"""A real server behind a proxy, and one way to call it from threads and from an event loop."""

from __future__ import annotations

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Protocol, TypeVar

import pytest

from shiftboss.scripts import Arg, Call, Script
from shiftboss.store import AsyncStore, Delivery, Store, server_of
from tests.proxy import FaultProxy
from tests.servers import ServerProcess, embedded_binary

T = TypeVar("T")

DEADLINE = 0.5
# What a loaded machine may add to a deadline before a test calls it broken.
TOLERANCE = 1.5

_HEADER = """--[[
A test's script.

KEYS
  1... keys  string  some
ARGV
  1... args  string  some
RETURNS
  an integer or a string
{flags}]]
"""


def lua(body: str, *, resend: bool = True) -> Script:
    flags = "" if resend else "RESEND no\n"
    return Script("test", lambda _: _HEADER.format(flags=flags) + body)


_ONCE = lua(
    "if redis.call('SET', KEYS[2], '1', 'NX') then redis.call('INCR', KEYS[1]) end return redis.call('GET', KEYS[1])"
)
_ADD = lua("return redis.call('INCR', KEYS[1])", resend=False)
_ECHO = lua("return ARGV[1]")
_FAIL = lua("return redis.call('INCR', KEYS[1])")
_tokens = itertools.count()


def once(counter: str = "{t}:n") -> Call[int]:
    """Adds one, however often it is sent."""
    return _ONCE.call(int, [counter, f"{{t}}:token:{next(_tokens)}"])


def add(counter: str = "{t}:n") -> Call[int]:
    """Adds one each time it is run."""
    return _ADD.call(int, [counter])


def echo(value: Arg, key: str = "{t}:n") -> Call[int]:
    """Answers with what it was given."""
    return _ECHO.call(int, [key], [value])


def fails(text: str = "{t}:text") -> Call[int]:
    """Is refused by the server: the key holds text."""
    return _FAIL.call(int, [text])


class Caller(Protocol):
    """A store, called and waited for."""

    def run(self, call: Call[T], timeout: float | None = None) -> T: ...
    def deliver(self, call: Call[T], timeout: float | None = None) -> Delivery[T]: ...
    def run_many(self, calls: Sequence[Call[T]], timeout: float | None = None) -> list[T]: ...
    def close(self) -> None: ...


class AsyncCaller:
    """An `AsyncStore` with a loop that turns while a call is waited for."""

    def __init__(self, url: str, timeout: float) -> None:
        self.runner = asyncio.Runner()
        self.store = AsyncStore(server_of(url), timeout)

    def run(self, call: Call[T], timeout: float | None = None) -> T:
        return self.runner.run(self.store.run(call, timeout))

    def deliver(self, call: Call[T], timeout: float | None = None) -> Delivery[T]:
        return self.runner.run(self.store.deliver(call, timeout))

    def run_many(self, calls: Sequence[Call[T]], timeout: float | None = None) -> list[T]:
        return self.runner.run(self.store.run_many(calls, timeout))

    def close(self) -> None:
        self.runner.run(self.store.aclose())
        self.runner.close()


def _sync(url: str, timeout: float) -> Caller:
    return Store(server_of(url), timeout)


@pytest.fixture(params=["sync", "asyncio"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Caller]]:
    """Makes a store of either kind for a URL: `connect(url, timeout)`."""
    callers: list[Caller] = []

    def make(url: str, timeout: float = DEADLINE) -> Caller:
        caller = _sync(url, timeout) if request.param == "sync" else AsyncCaller(url, timeout)
        callers.append(caller)
        return caller

    yield make
    for caller in callers:
        caller.close()


@pytest.fixture(scope="session")
def real() -> Iterator[ServerProcess]:
    """A real server on TCP, for the whole run; one that a test freezes is thawed again."""
    with ServerProcess(embedded_binary()) as server:
        yield server


@pytest.fixture
def raw(real: ServerProcess) -> Iterator[Any]:
    """A plain client of the real server, which is emptied first."""
    with real.client() as client:
        client.flushall()
        client.set("{t}:text", "no number")
        yield client


@pytest.fixture
def proxy(real: ServerProcess, raw: Any) -> Iterator[FaultProxy]:
    """A proxy before the empty real server."""
    with FaultProxy(real.address) as proxy:
        yield proxy


@pytest.fixture
def store(connect: Callable[..., Caller], proxy: FaultProxy) -> Caller:
    """A store behind the proxy; it is connected, and the server knows the scripts."""
    store = connect(proxy.url)
    for call in (once("{t}:warm"), add("{t}:warm"), echo(1)):
        store.run(call)
    return store


@contextmanager
def in_time(deadline: float = DEADLINE) -> Iterator[None]:
    """Fails if the block takes longer than a call's deadline."""
    began = time.monotonic()
    yield
    took = time.monotonic() - began
    assert took < deadline + TOLERANCE, f"took {took:.2f} s with a deadline of {deadline:g} s"


@contextmanager
def later(seconds: float, action: Callable[[], Any]) -> Iterator[None]:
    """Have something done while the block runs; it is done when the block has ended."""
    timer = threading.Timer(seconds, action)
    timer.start()
    try:
        yield
    finally:
        timer.join()


@contextmanager
def frozen(server: ServerProcess) -> Iterator[None]:
    server.freeze()
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            server.thaw()
