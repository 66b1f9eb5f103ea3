"""Which client the apps or brokers of an engine belong to."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakKeyDictionary

from shiftboss.client import Shiftboss, configure, default_client
from shiftboss.engine import Engine
from shiftboss.errors import ConfigError

A = TypeVar("A")
E = TypeVar("E", bound=Engine)


class Belonging(Generic[A, E]):
    """The clients of one engine's apps.

    Args:
        engine: The engine's class, made of an app.
        word: What the engine calls an app, and what its attribute is called: ``app``, ``broker``.
        about: What an app is called in errors.
        kind: What any app is.
        early: When it has to be known, where that matters.
    """

    def __init__(self, engine: type[E], word: str, about: Callable[[A], str], *, kind: str, early: str = "") -> None:
        self._engine = engine
        self._word = word
        self._about = about
        self._kind = kind
        self._early = early
        self._clients: WeakKeyDictionary[A, Shiftboss] = WeakKeyDictionary()
        # Threads may use an app for the first time together; and what is set up asks for the app's client again.
        self._joining = threading.RLock()

    def client_of(self, app: A) -> Shiftboss:
        """The client of an app. No round trip.

        Raises:
            ConfigError: It has none.
        """
        client = self._clients.get(app)
        if client is None:
            raise ConfigError(f"shiftboss does not know {self._about(app)}; call install({self._word}){self._early}")
        return client

    def join(self, app: A, client: Shiftboss | None, set_up: Callable[[A, Shiftboss, E], None]) -> Shiftboss:
        """Make a client the app's, default the configured one, or one that is configured here from the environment.

        Args:
            app: The app.
            client: The client, or None.
            set_up: Makes the app take part, once. What it raises leaves the app without a client.

        Returns:
            The app's client.

        Raises:
            ConfigError: The client has another engine, or the app another client.
        """
        with self._joining:
            known = self._clients.get(app)
            if known is not None:
                if client not in {None, known}:
                    raise ConfigError(f"{self._about(app)} belongs to {known!r} already")
                return known
            joined = client or default_client() or configure(engine=self._engine(app))  # type: ignore[call-arg]
            engine = joined.engine
            if not isinstance(engine, self._engine) or getattr(engine, self._word) is not app:
                raise ConfigError(
                    f"{joined!r} does not run its jobs on this {self._kind}; give it "
                    f"engine={self._engine.__name__}({self._word}), then install({self._word})"
                )
            self._clients[app] = joined
            try:
                set_up(app, joined, engine)
            except BaseException:
                del self._clients[app]
                raise
            return joined
