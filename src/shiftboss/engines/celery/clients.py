"""Which client belongs to which app."""

from __future__ import annotations

from celery import Celery

from shiftboss.belonging import Belonging
from shiftboss.client import Shiftboss
from shiftboss.engines.celery.engine import CeleryEngine

belonging: Belonging[Celery, CeleryEngine] = Belonging(
    CeleryEngine,
    "app",
    lambda app: f"the Celery app {app.main!r}",
    kind="Celery app",
    early=" before its tasks",
)


def client_of(app: Celery) -> Shiftboss:
    """The client that `install` was given for the app. No round trip.

    Raises:
        ConfigError: `install` was not called.
    """
    return belonging.client_of(app)
