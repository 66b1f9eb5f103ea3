"""A client for a command, whose errors are said with the address they came from."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from redis.exceptions import RedisError

from shiftboss.cli.command import Failure
from shiftboss.cli.modules import load
from shiftboss.client import Shiftboss, configured_client, current_client
from shiftboss.redis_errors import explain


@contextmanager
def connected(url: str | None, namespace: str | None, modules: Sequence[str] = ()) -> Iterator[Shiftboss]:
    """The client for the options of a command, else one that was configured in this process, current in the block; with the
    engine that modules of the user's set up, where those are named.

    Raises:
        Failure: What Redis raised inside.
        Misuse: A module that cannot be imported.
    """
    known = None if url or namespace else configured_client()
    if modules:
        tell_modules(url, namespace)
        for module in modules:
            load(module)
        known = configured(url, namespace)
    with known or Shiftboss(url, namespace=namespace) as client, explained(client):
        try:
            yield client
        finally:
            client.close()


def tell_modules(url: str | None, namespace: str | None) -> None:
    """Let what the modules of the user do go where the command line says. Before they are imported."""
    for variable, value in (("SHIFTBOSS_URL", url), ("SHIFTBOSS_NAMESPACE", namespace)):
        if value:
            os.environ[variable] = value


def configured(url: str | None, namespace: str | None) -> Shiftboss:
    """The client with the engine that modules have configured, where the command line says, else where they do."""
    client = current_client()
    if not url and not namespace:
        return client
    return Shiftboss(url, namespace=namespace, engine=client.chosen_engine)


@contextmanager
def explained(client: Shiftboss) -> Iterator[None]:
    """Make what Redis raises inside one line.

    Raises:
        Failure: That line.
    """
    try:
        yield
    except RedisError as error:
        raise Failure(explain(error, client.server.label)) from error
