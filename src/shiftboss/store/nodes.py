"""Which node a key lives on, and how to make a connection to it: the part of redis-py that a store builds on.

A `Maker` makes sync connections or asyncio ones; both come from the same description of a server.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from redis.crc import key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, RedisClusterException

from shiftboss.store.servers import Server


@dataclass(frozen=True, slots=True)
class Maker:
    """Makes connections, unconnected ones, to one node."""

    connection_class: type[Any]
    options: dict[str, Any]
    owner: Any = None  # keeps what the connections refer to weakly (a sentinel pool) alive
    asked: Sequence[Any] = ()  # clients of the sentinels, which say where the node is

    def make(self) -> Any:
        return self.connection_class(**self.options)

    def close(self) -> None:
        """Close the idle connections to sentinels."""
        for client in self.asked:
            client.connection_pool.disconnect(inuse_connections=False)

    async def aclose(self) -> None:
        """As `close`, of asyncio connections."""
        for client in self.asked:
            await client.connection_pool.disconnect(inuse_connections=False)


def single_node(server: Server, timeout: float, *, asyncio: bool) -> Maker:
    """The one node of a standalone server, of sentinels' primary, or of the server in this process."""
    options = server.connection_options(timeout, asyncio=asyncio)
    if server.kind == "sentinel":
        return _sentinel(server, options, asyncio)
    if server.kind == "fake":
        return _fake(server, options, asyncio)
    import redis
    from redis import asyncio as aredis

    home: Any = aredis if asyncio else redis
    if options.pop("ssl", False):
        return Maker(home.SSLConnection, options)
    return Maker(home.UnixDomainSocketConnection if "path" in options else home.Connection, options)


class SlotMap:
    """A cluster's nodes by slot, as redis-py's own cluster client learns them.

    Args:
        nodes: The ``nodes_manager`` of a redis-py cluster client, sync or asyncio; it has been initialized.
    """

    def __init__(self, nodes: Any) -> None:
        self.nodes = nodes

    def node_of(self, key: str) -> Any:
        return self._owner(key_slot(key.encode()))

    def redirected(self, error: AskError) -> Any:
        """The node a server pointed to, for this once."""
        return self.nodes.get_node(host=error.host, port=error.port) or self._owner(error.slot_id)

    def _owner(self, slot: int) -> Any:
        try:
            return self.nodes.get_node_from_slot(slot)
        except (RedisClusterException, KeyError):
            raise ClusterDownError(f"no node is known to hold slot {slot}") from None


def is_move(error: AskError) -> bool:
    return isinstance(error, MovedError)


def _sentinel(server: Server, options: dict[str, Any], asyncio: bool) -> Maker:
    if asyncio:
        from redis.asyncio.sentinel import Sentinel as AnySentinel
    else:
        from redis.sentinel import Sentinel as AnySentinel  # type: ignore[assignment]

    own = {key: value for key, value in options.items() if key not in ("db", "host", "port", "username", "password")}
    # They are asked in turn, and one that is silent must leave time for the next and for the primary.
    share = options["socket_timeout"] / (len(server.hosts) + 1)
    own.update(socket_timeout=share, socket_connect_timeout=share)
    manager = AnySentinel(server.hosts, sentinel_kwargs=own)
    client: Any = manager.master_for(server.service, **{k: v for k, v in options.items() if k not in ("host", "port")})
    pool = client.connection_pool
    return Maker(pool.connection_class, dict(pool.connection_kwargs), (client, pool), manager.sentinels)


def _fake(server: Server, options: dict[str, Any], asyncio: bool) -> Maker:
    import fakeredis

    del options["maint_notifications_config"]
    kind: Any = fakeredis.FakeAsyncRedis if asyncio else fakeredis.FakeRedis
    pool = kind(server=server.fake).connection_pool
    return Maker(pool.connection_class, {**pool.connection_kwargs, **options})
