"""`Shiftboss`: one Redis, one namespace, one engine; what every object of the library works with."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Sequence
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakKeyDictionary

from shiftboss import keys, plan
from shiftboss.config import Settings
from shiftboss.engine import Engine
from shiftboss.errors import ConfigError
from shiftboss.extension import Extension
from shiftboss.jobs import Message
from shiftboss.once import once
from shiftboss.plan import Plan

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from shiftboss.store import AsyncStore, Server, Store

T = TypeVar("T")
# Named, not imported: a client is below the features and the engines, and loads them when it first pushes a job.
DEFAULT_ENGINE = "shiftboss.engines.sidekiq.engine:SidekiqEngine"
EXTENSIONS = {
    "batch": "shiftboss.batches.extension:BatchExtension",
    "limiter": "shiftboss.limiters.extension:LimiterExtension",
    "periodic": "shiftboss.periodic.extension:PeriodicExtension",
}


class Shiftboss:
    """A client: where the state lives and which engine runs the jobs. It connects when it is first used.

    Args:
        url: A URL (see `Settings`), or a `redis.Redis` / `RedisCluster` of yours, whose settings are copied; default
            from the environment.
        namespace: What every key begins with; default ``sb``.
        timeout: Seconds within which a call to Redis is answered or its error raised; default 5.
        skip_invalidated: Whether members of invalidated batches that have not started are left out; default True.
        engine: What runs jobs; default the built-in one, on the same Redis.

    Raises:
        ConfigError: A setting that cannot be right.

    Example:
        >>> with Shiftboss("fake://example") as client:
        ...     client.store.server.label
        'fake://example'
    """

    def __init__(
        self,
        url: Any = None,
        *,
        namespace: str | None = None,
        timeout: float | None = None,
        skip_invalidated: bool | None = None,
        engine: Engine | None = None,
    ) -> None:
        self._given = None if url is None or isinstance(url, str) else url
        self.settings = Settings.load(
            url=url if isinstance(url, str) else None,
            namespace=namespace,
            timeout=timeout,
            skip_invalidated=skip_invalidated,
        )
        self._engine = engine
        self._astores: WeakKeyDictionary[AbstractEventLoop, AsyncStore] = WeakKeyDictionary()

    @property
    def namespace(self) -> str:
        return self.settings.namespace

    @once
    def server(self) -> Server:
        """Where Redis is. The first use of ``embedded://`` starts it."""
        from shiftboss.store import server_of, server_of_client

        return server_of(self.settings.url) if self._given is None else server_of_client(self._given)

    @once
    def store(self) -> Store:
        """Runs calls from threads."""
        from shiftboss.store import Store

        return Store(self.server, self.settings.timeout)

    @property
    def astore(self) -> AsyncStore:
        """Runs calls from the running event loop, each loop with a store of its own."""
        import asyncio

        from shiftboss.store import AsyncStore

        loop = asyncio.get_running_loop()
        store = self._astores.get(loop)
        if store is None:
            store = self._astores[loop] = AsyncStore(self.server, self.settings.timeout)
        return store

    @property
    def chosen_engine(self) -> Engine | None:
        """The engine that it was given; None where that is left to it."""
        return self._engine

    @once
    def engine(self) -> Engine:
        """What runs jobs."""
        return self._engine or _load(DEFAULT_ENGINE)(self)

    @once
    def extensions(self) -> dict[str, Extension]:
        """The features that take part in the life of jobs, by the kind of outbox item they write."""
        return {kind: _load(name)(self) for kind, name in EXTENSIONS.items()}

    def perform(self, steps: Plan[T]) -> T:
        """Run a plan from this thread."""
        return plan.perform(steps, self.store)

    def aperform(self, steps: Plan[T]) -> Coroutine[Any, Any, T]:
        """Run a plan from this coroutine, which awaits it."""
        return plan.aperform(steps, self.astore)

    def push(self, messages: Sequence[Message]) -> Plan[None]:
        """Hand messages to the engine, unless a feature keeps them back (a batch's open block does)."""
        left = yield from self.pushing(messages)
        if left:
            yield from self.engine.enqueue(left)

    def pushing(self, messages: Sequence[Message]) -> Plan[Sequence[Message]]:
        """Show messages to the features before they are published; those that are left for the engine to publish."""
        for extension in self.extensions.values():
            messages = yield from extension.pushing(messages)
        return messages

    def own_job(self, name: str) -> Callable[..., Any] | None:
        """The job of that name that a feature brings along, if one does."""
        jobs = (extension.jobs.get(name) for extension in self.extensions.values())
        return next((job for job in jobs if job is not None), None)

    def keeps_pushes(self) -> bool:
        """Whether a feature keeps what is pushed here and now, to push it itself later."""
        return any(extension.keeps() for extension in self.extensions.values())

    def batch_keys(self, bid: str) -> keys.BatchKeys:
        return keys.BatchKeys(self.namespace, bid)

    def close(self) -> None:
        """Close idle connections; the client may be used again."""
        if "store" in self.__dict__:
            self.store.close()

    async def aclose(self) -> None:
        """Close this event loop's connections, and the idle ones of threads."""
        import asyncio

        store = self._astores.pop(asyncio.get_running_loop(), None)
        if store is not None:
            await store.aclose()
        self.close()

    def __enter__(self) -> Self:
        """Make this the client of everything in the block that is not given one. It is not closed at the end."""
        _entered.set((*_entered.get(), self))
        return self

    def __exit__(self, *_: object) -> None:
        _entered.set(_entered.get()[:-1])

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(self, *_: object) -> None:
        self.__exit__()

    def __repr__(self) -> str:
        place = self.settings.url.rpartition("@")[2].partition("?")[0]
        return f"Shiftboss({place!r}, namespace={self.namespace!r})"


_entered: ContextVar[tuple[Shiftboss, ...]] = ContextVar("shiftboss_clients", default=())
_default: Shiftboss | None = None
_configured: Shiftboss | None = None
_stand_ins: tuple[Shiftboss, ...] = ()
_used = False
_lock = threading.Lock()


def configure(
    url: Any = None,
    *,
    namespace: str | None = None,
    timeout: float | None = None,
    skip_invalidated: bool | None = None,
    engine: Engine | None = None,
) -> Shiftboss:
    """Set the client that everything uses which is not given one. Once per process, before the first use.

    Args, raises: as `Shiftboss`; and `ConfigError` if the default client is already in use. No round trip.
    """
    global _default, _configured
    with _lock:
        if _used:
            raise ConfigError("configure() came too late: the default client is in use already; call it at start-up")
        _default = _configured = Shiftboss(
            url, namespace=namespace, timeout=timeout, skip_invalidated=skip_invalidated, engine=engine
        )
        return _default


def configured_client() -> Shiftboss | None:
    """The client that `configure` set, if it was called. No round trip."""
    return _configured


def default_client() -> Shiftboss | None:
    """The client that `configure` set, or that was made from the environment when it was first asked for. No round trip."""
    return _default


def current_client() -> Shiftboss:
    """The innermost ``with client:``, else the configured client, else one made from the environment. No round trip."""
    global _default, _used
    entered = _entered.get()
    if entered:
        return entered[-1]
    if _stand_ins:
        return _stand_ins[-1]
    with _lock:
        if _default is None:
            _default = Shiftboss()
        _used = True
        return _default


def stand_in(client: Shiftboss) -> Callable[[], None]:
    """Put a client in the place of the default one, in every thread of this process; for tests.

    What is configured meanwhile is the default again afterwards.

    Returns:
        A function that takes it away.
    """
    global _stand_ins
    with _lock:
        _stand_ins = (*_stand_ins, client)

    def end() -> None:
        global _stand_ins
        with _lock:
            _stand_ins = tuple(one for one in _stand_ins if one is not client)

    return end


def _load(name: str) -> Any:
    from pkgutil import resolve_name

    return resolve_name(name)
