"""Where Redis is: a URL or a client of yours, made into the two things a store needs, connections and a map of slots.

Nothing here connects. A `Server` is a description; `Nodes` and `AsyncNodes` (in `sync` and `aio`) use it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

from redis.backoff import NoBackoff
from redis.retry import Retry

from shiftboss.errors import ConfigError

Kind = Literal["standalone", "sentinel", "cluster", "fake"]
SCHEMES = (
    "redis",
    "rediss",
    "unix",
    "redis+sentinel",
    "rediss+sentinel",
    "redis+cluster",
    "rediss+cluster",
    "embedded",
    "fake",
)
# One user's memory per name: `fake://` is one server for the whole process, as a real one would be.
_fakes: dict[str, Any] = {}


@dataclass(frozen=True, slots=True)
class Server:
    """One Redis, however it is arranged.

    Args:
        kind: How it is arranged.
        label: Its address for people, without a password.
        options: What redis-py's connections are made with.
        hosts: Host and port of the sentinels or of the cluster's first nodes.
        service: The name sentinels know the primary by.
        fake: The in-process server, for ``fake://``.
    """

    kind: Kind
    label: str
    options: dict[str, Any] = field(default_factory=dict)
    hosts: tuple[tuple[str, int], ...] = ()
    service: str = ""
    fake: Any = None

    @property
    def blocks(self) -> bool:
        """Whether a blocking move waits. fakeredis' answers at once."""
        return self.kind != "fake"

    def connection_options(self, timeout: float, *, asyncio: bool) -> dict[str, Any]:
        """What every connection of ours is made with: no resending by redis-py, replies as they come on the wire."""
        from redis.asyncio.retry import Retry as AsyncRetry
        from redis.maint_notifications import MaintNotificationsConfig

        return {
            **self.options,
            "retry": (AsyncRetry if asyncio else Retry)(NoBackoff(), 0),
            "socket_timeout": timeout,
            "socket_connect_timeout": timeout,
            "protocol": 2,
            "decode_responses": False,
            "maint_notifications_config": MaintNotificationsConfig(enabled=False),
        }


def server_of(url: str) -> Server:
    """The server a URL names.

    Raises:
        ConfigError: An unknown scheme, or a part that is missing or cannot be right.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES:
        raise ConfigError(
            f"expected url to begin with one of {', '.join(s + '://' for s in SCHEMES)}, got {_label(url)!r}"
        )
    if parts.scheme == "fake":
        return _fake(parts.netloc)
    if parts.scheme == "embedded":
        from shiftboss.embedded import shared_server

        return server_of(shared_server().url)
    if "+" in parts.scheme:
        return _many(url)
    try:
        from redis.connection import parse_url

        options = dict(parse_url(url))
        options.pop("connection_class", None)
        if parts.scheme != "unix":
            _ = parts.port
    except ValueError as error:
        raise ConfigError(f"cannot read the url {_label(url)!r}: {error}") from None
    if parts.scheme == "unix" and not options.get("path"):
        raise ConfigError(f"expected a url like unix:///path/to/redis.sock, got {_label(url)!r}")
    if parts.scheme == "rediss":
        options["ssl"] = True
    return Server("standalone", _label(url), options)


def server_of_client(client: Any) -> Server:
    """The server that a redis-py client of the user's talks to: ours get connections of their own, made as its are.

    Raises:
        ConfigError: Not a `redis.Redis` or `redis.cluster.RedisCluster`.
    """
    if hasattr(client, "nodes_manager"):
        kwargs = dict(client.nodes_manager.connection_kwargs)
        nodes = client.nodes_manager.startup_nodes.values()
        hosts = tuple((node.host, int(node.port)) for node in nodes)
        options = {key: value for key, value in kwargs.items() if key in _PORTABLE}
        return Server("cluster", f"redis+cluster://{hosts[0][0]}:{hosts[0][1]}", options, hosts)
    pool = getattr(client, "connection_pool", None)
    if pool is None:
        raise ConfigError(f"expected client to be a redis.Redis, a RedisCluster or a URL, got {client!r}")
    kwargs = dict(pool.connection_kwargs)
    if "server" in kwargs:
        return Server("fake", "fake://", fake=kwargs["server"])
    options = {key: value for key, value in kwargs.items() if key in _PORTABLE}
    if any("SSL" in base.__name__ for base in pool.connection_class.__mro__):
        options["ssl"] = True
    if hasattr(pool, "sentinel_manager"):
        sentinels = pool.sentinel_manager.sentinels
        hosts = tuple(
            (s.connection_pool.connection_kwargs["host"], int(s.connection_pool.connection_kwargs["port"]))
            for s in sentinels
        )
        return Server(
            "sentinel",
            f"redis+sentinel://{hosts[0][0]}:{hosts[0][1]}/{pool.service_name}",
            options,
            hosts,
            pool.service_name,
        )
    where = (
        options.get("path") or f"{options.get('host', 'localhost')}:{options.get('port', 6379)}/{options.get('db', 0)}"
    )
    return Server("standalone", f"{'unix' if 'path' in options else 'redis'}://{where}", options)


# What a sync connection and an asyncio one understand alike.
_PORTABLE = frozenset(
    "host port db path username password client_name credential_provider socket_keepalive socket_keepalive_options "
    "health_check_interval ssl_keyfile ssl_certfile ssl_cert_reqs ssl_ca_certs ssl_ca_data ssl_check_hostname "
    "ssl_min_version".split()
)


def _fake(name: str) -> Server:
    try:
        import fakeredis
    except ImportError:
        raise ConfigError("fake:// needs the package fakeredis; pip install 'shiftboss[embedded]'") from None
    return Server("fake", f"fake://{name}", fake=_fakes.setdefault(name, fakeredis.FakeServer()))


def _many(url: str) -> Server:
    parts = urlsplit(url)
    kind: Kind = "sentinel" if parts.scheme.endswith("sentinel") else "cluster"
    login, _, places = parts.netloc.rpartition("@")
    options: dict[str, Any] = {key: value for key, value in parse_qsl(parts.query) if key in _PORTABLE}
    if login:
        username, _, password = login.partition(":")
        options.update({k: unquote(v) for k, v in (("username", username), ("password", password)) if v})
    if parts.scheme.startswith("rediss"):
        options["ssl"] = True
    default = 26379 if kind == "sentinel" else 6379
    try:
        hosts = tuple(_host(place, default) for place in places.split(","))
    except ValueError:
        raise ConfigError(f"expected host:port[,host:port] in the url, got {_label(url)!r}") from None
    path = [piece for piece in parts.path.split("/") if piece]
    if kind == "cluster":
        return Server(kind, _label(url), options, hosts)
    if not path or (len(path) > 1 and not path[1].isdigit()):
        raise ConfigError(f"expected a url like redis+sentinel://host:26379/service/0, got {_label(url)!r}")
    options["db"] = int(path[1]) if len(path) > 1 else 0
    return Server(kind, _label(url), options, hosts, path[0])


def _host(place: str, default: int) -> tuple[str, int]:
    host, _, port = place.partition(":")
    if not host:
        raise ValueError(place)
    return host, int(port) if port else default


def _label(url: str) -> str:
    scheme, _, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}://{'***@' if at and login else ''}{place}"
