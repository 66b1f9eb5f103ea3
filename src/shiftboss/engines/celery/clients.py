"""Which client belongs to which app."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from celery import Celery

from shiftboss import client as clients
from shiftboss.client import Shiftboss, configure
from shiftboss.engines.celery.engine import CeleryEngine
from shiftboss.errors import ConfigError

_clients: WeakKeyDictionary[Celery, Shiftboss] = WeakKeyDictionary()


def client_of(app: Celery) -> Shiftboss:
    """The client that `install` was given for the app. No round trip.

    Raises:
        ConfigError: `install` was not called.
    """
    client = _clients.get(app)
    if client is None:
        raise ConfigError(f"shiftboss does not know the Celery app {app.main!r}; call install(app) before its tasks")
    return client


def is_joined(app: Celery) -> bool:
    """Whether the app has a client."""
    return app in _clients


def join(app: Celery, client: Shiftboss | None) -> Shiftboss | None:
    """Make the client the app's; None if it is already.

    Raises:
        ConfigError: The client has another engine, or the app another client.
    """
    known = _clients.get(app)
    if known is not None:
        if client not in {None, known}:
            raise ConfigError(f"the Celery app {app.main!r} belongs to {known!r} already")
        return None
    if client is None:
        client = clients._default or configure(engine=CeleryEngine(app))
    engine = client.engine
    if not isinstance(engine, CeleryEngine) or engine.app is not app:
        raise ConfigError(
            f"{client!r} does not run its jobs on this Celery app; give it engine=CeleryEngine(app), then install(app)"
        )
    _clients[app] = client
    return client
