"""Shiftboss in Flask: every job runs in the application's context."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask

from shiftboss.client import configure
from shiftboss.engines.sidekiq.middleware import server_middleware
from shiftboss.jobs import Message


def init_app(app: Flask) -> None:
    """Have jobs run in this application's context, so that `current_app` and extensions work in them. No round trip.

    Args:
        app: The application; its config may hold ``SHIFTBOSS``, a dict of what `configure` takes.

    Raises:
        ConfigError: A setting that cannot be right, or the default client is in use already.

    Example:
        >>> from flask import Flask
        >>> from shiftboss.contrib import flask
        >>> app = Flask("doc")
        >>> flask.init_app(app)
    """
    if "SHIFTBOSS" in app.config:
        configure(**app.config["SHIFTBOSS"])

    @server_middleware
    def in_context(message: Message, run: Callable[[], Any]) -> Any:  # noqa: ARG001
        with app.app_context():
            return run()

    @server_middleware
    async def ain_context(message: Message, run: Callable[[], Any]) -> Any:  # noqa: ARG001
        with app.app_context():
            return await run()
