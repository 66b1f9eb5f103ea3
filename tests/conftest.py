"""Backends, stores and clients for the tests.

Ask for `client` and the test runs on every backend; `@pytest.mark.backends("embedded", "redis")` chooses. Each begins empty
and ends by showing that it left no key that `shiftboss.catalogue.CATALOGUE` does not know; `@pytest.mark.own_keys` is for tests
of the store, whose keys are nobody's.

    backend    the server: .name, .url, .process, .raw (a plain redis-py client)
    server     its description, what a Store is made with
    store      a sync Store on it              astore     an AsyncStore of the test's loop
    client     a Shiftboss on it, current      aclient    the same one, closed in the test's loop
    new_client a function that makes more of them (namespace=, timeout=, engine=)
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
import pytest_asyncio
from hypothesis import Phase, settings

from shiftboss import client as client_module
from shiftboss.alive import _alive
from shiftboss.client import Shiftboss
from shiftboss.store import AsyncStore, Server, Store
from tests.backends import BACKENDS, Backend, BackendClient, Servers, forget

# Not `explain`, which traces every line: beside many threads CPython 3.11 was seen to hang in that.
settings.register_profile("shiftboss", phases=[phase for phase in Phase if phase is not Phase.explain])
settings.load_profile("shiftboss")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        marker = metafunc.definition.get_closest_marker("backends")
        names = marker.args if marker else BACKENDS
        unknown = set(names) - set(BACKENDS)
        assert not unknown, f"{metafunc.definition.nodeid}: no such backend: {unknown}"
        metafunc.parametrize("backend", names, indirect=True)


@pytest.fixture(autouse=True)
def isolated(monkeypatch: pytest.MonkeyPatch) -> None:
    """No default client, and no address, is left over from another test or from the shell."""
    monkeypatch.setattr(client_module, "_default", None)
    monkeypatch.setattr(client_module, "_used", False)
    for name in [name for name in os.environ if name.startswith("SHIFTBOSS_") or name == "REDIS_URL"]:
        monkeypatch.delenv(name)


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limiter's call waits for Redis as long as any other: a machine that stands still for half a second is no outage. Tests
    of outages put their own in its place.
    """
    monkeypatch.setattr("shiftboss.limiters.patience.DECISION", 5.0)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The servers of the run; a test asks for `backend` instead."""
    servers = Servers()
    yield servers
    servers.stop()


@pytest.fixture
def backend(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Backend]:
    """An empty server."""
    backend = servers.backend(request.param)
    yield backend
    strays = [] if request.node.get_closest_marker("own_keys") else backend.strays()
    forget(backend)
    if strays:
        pytest.fail("keys left behind:\n  " + "\n  ".join(strays), pytrace=False)


@pytest.fixture
def server(backend: Backend) -> Server:
    """The backend's server, as what a store is made with."""
    return backend.server


@pytest.fixture
def store(backend: Backend) -> Iterator[Store]:
    """A store for threads."""
    store = backend.store()
    yield store
    store.close()


@pytest_asyncio.fixture
async def astore(backend: Backend) -> AsyncIterator[AsyncStore]:
    """A store for the test's event loop."""
    astore = backend.astore()
    yield astore
    await astore.aclose()


@pytest.fixture
def new_client(backend: Backend) -> Iterator[Callable[..., Shiftboss]]:
    """Makes clients on the backend, and closes their idle connections."""
    with ExitStack() as stack:

        def make(**options: Any) -> Shiftboss:
            client = BackendClient(backend, **options)
            stack.callback(client.close)
            return client

        yield make


@pytest.fixture(autouse=True)
def nobody_is_shown_alive_for_long() -> Iterator[None]:
    """What shows that this process runs members ends with the test in which it did."""
    yield
    for process in (process for processes in _alive.values() for process in processes.values()):
        process.ask_to_stop()
    _alive.clear()


@pytest.fixture
def client(new_client: Callable[..., Shiftboss]) -> Iterator[Shiftboss]:
    """The current client."""
    with new_client() as client:
        yield client


@pytest_asyncio.fixture
async def aclient(client: Shiftboss) -> AsyncIterator[Shiftboss]:
    """The current client, for coroutines."""
    yield client
    await client.aclose()
