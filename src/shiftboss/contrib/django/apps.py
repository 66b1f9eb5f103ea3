"""The app."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.apps import AppConfig
from django.conf import settings
from django.db import close_old_connections, transaction
from django.utils.module_loading import autodiscover_modules

from shiftboss.client import configure
from shiftboss.engines.sidekiq.committing import push_after_commits_of
from shiftboss.engines.sidekiq.middleware import server_middleware
from shiftboss.jobs import Message


class ShiftbossConfig(AppConfig):
    """What happens when Django is set up."""

    name = "shiftboss.contrib.django"
    label = "shiftboss"
    verbose_name = "Shiftboss"

    def ready(self) -> None:
        """Configure the client, know the jobs, look after database connections."""
        said = getattr(settings, "SHIFTBOSS", None)
        if said is not None:
            configure(**said)
        push_after_commits_of(transaction.on_commit)
        server_middleware(with_fresh_connections)
        server_middleware(awith_fresh_connections)
        autodiscover_modules("jobs")


def with_fresh_connections(message: Message, run: Callable[[], Any]) -> Any:  # noqa: ARG001
    """A connection that its server has closed meanwhile, or that is older than ``CONN_MAX_AGE``, is not used by a job."""
    close_old_connections()
    try:
        return run()
    finally:
        close_old_connections()


async def awith_fresh_connections(message: Message, run: Callable[[], Any]) -> Any:  # noqa: ARG001
    """As `with_fresh_connections`, around coroutines."""
    close = sync_to_async(close_old_connections)
    await close()
    try:
        return await run()
    finally:
        await close()
