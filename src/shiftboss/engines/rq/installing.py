"""Which client RQ's jobs belong to."""

from __future__ import annotations

import os
import threading
from weakref import WeakKeyDictionary

from redis import Redis

from shiftboss.client import Shiftboss, configure, default_client
from shiftboss.engines.rq.engine import RqEngine
from shiftboss.errors import ConfigError
from shiftboss.store import server_of_client

# By the address of RQ's Redis; in a process there is mostly one.
_clients: dict[str, Shiftboss] = {}
_labels: WeakKeyDictionary[Redis, str] = WeakKeyDictionary()
# Threads may come first together: a queue calls `install` by itself.
_joining = threading.Lock()


def install(connection: Redis, client: Shiftboss | None = None) -> Shiftboss:
    """Let RQ's jobs be members and callbacks of batches. Again is harmless. No round trip.

    A worker calls it by itself, so what it finds must be what the program says: the environment's ``SHIFTBOSS_URL``, or RQ's
    own Redis.

    Args:
        connection: RQ's Redis.
        client: Where the batches live; its engine is an `RqEngine`. Default the configured client, or one that is configured
            here: from the environment if that says where, else on RQ's Redis.

    Returns:
        The client.

    Raises:
        ConfigError: The client has another engine, or RQ's Redis another client.
    """
    where_rq_is = label_of(connection)
    known = _clients.get(where_rq_is)
    if known is None:
        with _joining:
            known = _clients.get(where_rq_is) or _client_for(connection, client)
            _clients[where_rq_is] = known
    if client not in {None, known}:
        raise ConfigError(f"RQ on {where_rq_is} belongs to {known!r} already")
    return known


def _client_for(connection: Redis, client: Shiftboss | None) -> Shiftboss:
    joined = client or default_client()
    if joined is None:
        where = None if os.environ.get("SHIFTBOSS_URL") else connection
        joined = configure(where, engine=RqEngine(connection))
    if not isinstance(joined.engine, RqEngine):
        raise ConfigError(
            f"{joined!r} does not run its jobs on RQ; call install(redis) at start-up, before anything is used, or give it "
            "engine=RqEngine(redis)"
        )
    return joined


def label_of(connection: Redis) -> str:
    """The address of RQ's Redis, as that of ours is said."""
    label = _labels.get(connection)
    if label is None:
        label = _labels[connection] = server_of_client(connection).label
    return label
