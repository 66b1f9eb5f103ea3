"""What the tests' calls run on: five backends, two of which are there to refuse what a plain server lets pass.

`ClusterStore` runs scripts as Redis runs them with a shebang: then it refuses keys of several slots. `AclStore` runs each
as a user that may touch exactly the call's keys: then it refuses keys that were not declared.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from functools import cache, cached_property
from itertools import count
from typing import Any, TypeVar

import fakeredis
import pytest
import redis

from shiftboss.catalogue import CATALOGUE, Row
from shiftboss.client import Shiftboss
from shiftboss.scripts import Call, Script
from shiftboss.store import AsyncStore, Delivery, Server, Store, server_of
from shiftboss.store import servers as store_servers
from tests.servers import ServerProcess, embedded_binary, path_server, require, start_cluster

T = TypeVar("T")

BACKENDS = ("fake", "embedded", "redis", "cluster", "acl")
NO_REDIS = "no redis-server on the PATH"
PROBE_PASSWORD = "probe"


class _WithShebang(Script):
    @cached_property
    def text(self) -> str:
        return "#!lua\n" + super().text


@cache
def with_shebang(script: Script) -> Script:
    """The same script as the kind that a cluster confines to one slot; its operation is skipped if it cannot be."""
    marked = _WithShebang(script.name, script._read)
    if marked.header.many_slots:
        pytest.skip(f"lua/{script.name}.lua joins keys of many slots: not for a cluster")
    return marked


def confined(call: Call[T]) -> Call[T]:
    """The call with its script confined to one slot."""
    return replace(call, operation=with_shebang(call.operation)) if isinstance(call.operation, Script) else call


class ClusterStore(Store):
    """A store whose scripts a cluster confines to one slot."""

    def deliver(self, call: Call[T], timeout: float | None = None) -> Delivery[T]:
        return super().deliver(confined(call), timeout)

    def run_many(self, calls: Sequence[Call[T]], timeout: float | None = None) -> list[T]:
        return super().run_many([confined(call) for call in calls], timeout)


class AsyncClusterStore(AsyncStore):
    """The asyncio twin of `ClusterStore`."""

    async def deliver(self, call: Call[T], timeout: float | None = None) -> Delivery[T]:
        return await super().deliver(confined(call), timeout)


class _Probes:
    """Users of a server, each lent to one call at a time and confined to that call's keys."""

    def __init__(self, server: Server, make: Callable[[Server], Any]) -> None:
        self.server = server
        self.admin = redis.Redis(unix_socket_path=server.options["path"])
        self.idle: deque[tuple[str, Any]] = deque()
        self.stores: list[Any] = []
        self._make = make

    @contextmanager
    def lend(self, call: Call[Any]) -> Iterator[Any]:
        try:
            name, store = self.idle.pop()
        except IndexError:
            name = f"probe{next(_numbers)}"
            login = {**self.server.options, "username": name, "password": PROBE_PASSWORD}
            store = self._make(replace(self.server, options=login))
            self.stores.append(store)
        self.admin.acl_setuser(
            name,
            enabled=True,
            reset_keys=True,
            reset_passwords=True,
            passwords=[f"+{PROBE_PASSWORD}"],
            keys=patterns(call),
            channels=["*"],
            categories=["+@all"],
        )
        try:
            yield store
        finally:
            self.idle.append((name, store))

    def close(self) -> None:
        self.admin.connection_pool.disconnect(inuse_connections=False)  # other threads may be at work still


_numbers = count()


def patterns(call: Call[Any]) -> list[str]:
    """What a call may touch: its keys, and those that begin with what its header says it may."""
    allowed = [re.sub(r"([*?\[\]\\])", r"\\\1", key) for key in call.keys]
    header = call.operation.header if isinstance(call.operation, Script) else None
    if header is not None and header.undeclared is not None:
        number = next(slot.number for slot in header.argv if slot.name == header.undeclared)
        allowed.append(f"{call.args[number - 1]!s}*")
    return allowed


class AclStore(Store):
    """A store whose scripts may touch exactly the keys that the call declares."""

    def __init__(self, server: Server, timeout: float = 5.0) -> None:
        super().__init__(server, timeout)
        self._probes = _Probes(server, lambda probed: Store(probed, timeout))

    def deliver(self, call: Call[T], timeout: float | None = None) -> Delivery[T]:
        if isinstance(call.operation, str):
            return super().deliver(call, timeout)
        with self._probes.lend(call) as store:
            delivery: Delivery[T] = store.deliver(call, timeout)
        return delivery

    def run_many(self, calls: Sequence[Call[T]], timeout: float | None = None) -> list[T]:
        return [self.run(call, timeout) for call in calls]

    def close(self) -> None:
        super().close()
        for store in self._probes.stores:
            store.close()
        self._probes.close()


class AsyncAclStore(AsyncStore):
    """The asyncio twin of `AclStore`."""

    def __init__(self, server: Server, timeout: float = 5.0) -> None:
        super().__init__(server, timeout)
        self._probes = _Probes(server, lambda probed: AsyncStore(probed, timeout))

    async def deliver(self, call: Call[T], timeout: float | None = None) -> Delivery[T]:
        if isinstance(call.operation, str):
            return await super().deliver(call, timeout)
        with self._probes.lend(call) as store:
            delivery: Delivery[T] = await store.deliver(call, timeout)
        return delivery

    async def aclose(self) -> None:
        await super().aclose()
        for store in self._probes.stores:
            await store.aclose()
        self._probes.close()


_STORES: dict[str, tuple[type[Store], type[AsyncStore]]] = {
    "cluster": (ClusterStore, AsyncClusterStore),
    "acl": (AclStore, AsyncAclStore),
}


@dataclass
class Backend:
    """What a test's calls run on, empty when the test begins.

    Attributes:
        name: One of `BACKENDS`.
        server: Its address as the store's own description.
        url: The same as a URL, for `Shiftboss(url)` and for other processes (but not the fake).
        raw: A plain redis-py client to look at what is there, strings as strings.
        process: The server's process; None for the fake.
        namespaces: Those that the test's clients use.
    """

    name: str
    server: Server
    url: str
    raw: Any
    process: ServerProcess | None = None
    namespaces: set[str] = field(default_factory=lambda: {"sb"})

    def store(self, timeout: float = 5.0) -> Store:
        return _STORES.get(self.name, (Store, AsyncStore))[0](self.server, timeout)

    def astore(self, timeout: float = 5.0) -> AsyncStore:
        return _STORES.get(self.name, (Store, AsyncStore))[1](self.server, timeout)

    def strays(self) -> list[str]:
        """What is wrong with the keys that are there, one line each."""
        names = sorted(self.raw.scan_iter(count=1000))
        with self.raw.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.type(name).pttl(name)
            facts = pipe.execute() if names else []
        rows = zip(names, facts[::2], facts[1::2], strict=True)
        there = ((name, kind, ttl) for name, kind, ttl in rows if ttl != -2)  # some end between the two looks
        return [wrong for name, kind, ttl in there if (wrong := what_is_wrong(name, kind, ttl, self.namespaces))]


class BackendClient(Shiftboss):
    """A `Shiftboss` whose stores are the backend's."""

    def __init__(self, backend: Backend, **options: Any) -> None:
        super().__init__(backend.url, **options)
        self._backend = backend
        backend.namespaces.add(self.namespace)

    @cached_property
    def server(self) -> Server:
        return self._backend.server

    @cached_property
    def store(self) -> Store:
        return self._backend.store(self.settings.timeout)

    @property
    def astore(self) -> AsyncStore:
        loop = asyncio.get_running_loop()
        if loop not in self._astores:
            self._astores[loop] = self._backend.astore(self.settings.timeout)
        return self._astores[loop]


def what_is_wrong(key: str, kind: str, ttl: int, namespaces: set[str]) -> str | None:
    """Why a key should not be there as it is, or None. `ttl` is what PTTL says."""
    rows = [row for row in CATALOGUE if _covers(row, key, namespaces)]
    if not rows:
        return f"{key!r} ({kind}) matches no row of shiftboss.catalogue.CATALOGUE"
    row = rows[0]  # the more specific pattern stands first
    if row.type != kind:
        return f"{key!r} is a {kind}; {row.pattern} is a {row.type}"
    if ttl == -1 and not row.permanent:
        return f"{key!r} has no TTL; {row.pattern} is not permanent"
    return None


def _covers(row: Row, key: str, namespaces: set[str]) -> bool:
    owner = next((name for name in namespaces if key.startswith(f"{name}:")), None)
    ours = row.pattern.startswith("<ns>")
    return row.matches(key, owner) if owner and ours else not (owner or ours) and row.matches(key, "")


class Servers:
    """The real servers of a test run, each started when a test first needs it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._running: dict[str, tuple[ServerProcess, Any]] = {}

    def backend(self, name: str) -> Backend:
        """An empty backend."""
        if name == "fake":
            return _fake()
        process, raw = self._running.get(name) or self._start(name)
        raw.flushall()
        url = f"redis+cluster://127.0.0.1:{process.port}" if name == "cluster" else process.url
        return Backend(name, server_of(url), url, raw, process)

    def _start(self, name: str) -> tuple[ServerProcess, Any]:
        if name == "cluster":
            process = start_cluster(embedded_binary())
        elif name == "redis":
            process = ServerProcess(require(path_server(), NO_REDIS), unix=True).start()
        else:
            process = ServerProcess(embedded_binary(), unix=True).start()
        self._stack.callback(process.stop)
        raw = self._stack.enter_context(process.client())
        self._running[name] = process, raw
        return process, raw

    def stop(self) -> None:
        self._stack.close()


def _fake() -> Backend:
    name = f"test-{next(_numbers)}"
    server = server_of(f"fake://{name}")
    raw = fakeredis.FakeRedis(server=server.fake, decode_responses=True)
    return Backend("fake", server, f"fake://{name}", raw)


def forget(backend: Backend) -> None:
    """Let go of what a test's backend held. Real servers live on, for the next test."""
    if backend.name == "fake":
        backend.raw.close()
        store_servers._fakes.pop(backend.url.removeprefix("fake://"), None)
