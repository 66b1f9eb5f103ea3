"""Where Redis is: a URL or a client of yours, made into the two things a store needs, connections and a map of slots.

Nothing here connects. A `Server` is a description, of which `nodes` makes connections.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from redis.backoff import NoBackoff
from redis.retry import Retry

from shiftboss.config import check_known
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
        ConfigError: An unknown scheme, or a part that is missing or cannot be right. No message contains a password.
    """
    scheme = url.partition("://")[0]
    if scheme not in SCHEMES:
        raise ConfigError(
            f"expected url to begin with one of {', '.join(s + '://' for s in SCHEMES)}, got {_label(url)!r}"
        )
    if scheme == "embedded":
        from shiftboss.embedded import shared_server

        return server_of(shared_server().url)
    # Not urlsplit: newer Pythons refuse a list of hosts with an IPv6 address in it.
    _, netloc, path, query = _URL.fullmatch(url).groups(default="")  # type: ignore[union-attr]  # it has a scheme
    parts = SplitResult(scheme, netloc, path, query, "")
    if scheme == "fake":
        return _fake(parts.netloc)
    if scheme != "unix" and "@" in url.partition("://")[2][len(parts.netloc) :]:
        raise ConfigError(
            f"cannot read the url {_label(url)!r}: / ? # and @ in a user name or password have to be percent-encoded"
        )
    options = _options(url, parts)
    if "+" in scheme:
        return _many(url, parts, options)
    if scheme == "unix":
        options["path"] = unquote(parts.path)
        if not parts.path:
            raise ConfigError(f"expected a url like unix:///path/to/redis.sock, got {_label(url)!r}")
        return Server("standalone", _label(url), options)
    try:
        options["host"], options["port"] = _host(parts.netloc.rpartition("@")[2] or "localhost", 6379)
    except ValueError as error:
        if "IPv6" in str(error):
            raise ConfigError(f"cannot read the url {_label(url)!r}: {error}") from None
        raise ConfigError(f"expected a port from 1 to 65535 in the url, got {_label(url)!r}") from None
    database = parts.path.strip("/")
    if database and not database.isdigit():
        raise ConfigError(f"expected the number of a database after the last / of the url, got {_label(url)!r}")
    if database:
        options["db"] = int(database)
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
_IN_URLS = _PORTABLE - frozenset("host port path credential_provider socket_keepalive_options".split())
# What a URL may say to redis-py and the store decides by itself.
_OURS = frozenset(
    "socket_timeout socket_connect_timeout retry_on_timeout max_connections decode_responses protocol timeout".split()
)


def _fake(name: str) -> Server:
    try:
        import fakeredis
    except ImportError:
        raise ConfigError("fake:// needs the package fakeredis; pip install 'shiftboss[embedded]'") from None
    return Server("fake", f"fake://{name}", fake=_fakes.setdefault(name, fakeredis.FakeServer()))


def _options(url: str, parts: SplitResult) -> dict[str, Any]:
    """User, password, TLS and what the query says, with the types that redis-py's connections want."""
    from redis.connection import URL_QUERY_ARGUMENT_PARSERS

    parsers: Mapping[str, Any] = URL_QUERY_ARGUMENT_PARSERS
    given = dict(parse_qsl(parts.query, keep_blank_values=True))
    check_known("option in the url", given, _IN_URLS | _OURS)
    options: dict[str, Any] = {}
    for name in _IN_URLS & given.keys():
        try:
            options[name] = parsers.get(name, str)(given[name])
        except (TypeError, ValueError):
            raise ConfigError(f"expected another value for {name} in the url {_label(url)!r}") from None
    username, _, password = parts.netloc.rpartition("@")[0].partition(":")
    options.update({k: unquote(v) for k, v in (("username", username), ("password", password)) if v})
    if parts.scheme.startswith("rediss"):
        options["ssl"] = True
    return options


def _many(url: str, parts: SplitResult, options: dict[str, Any]) -> Server:
    kind: Kind = "sentinel" if parts.scheme.endswith("sentinel") else "cluster"
    places = parts.netloc.rpartition("@")[2]
    default = 26379 if kind == "sentinel" else 6379
    try:
        hosts = tuple(_host(place, default) for place in places.split(","))
    except ValueError:
        raise ConfigError(f"expected host:port[,host:port] in the url, got {_label(url)!r}") from None
    path = [piece for piece in parts.path.split("/") if piece]
    if kind == "cluster":
        if path and path != ["0"]:
            raise ConfigError(f"a cluster has no databases; expected no / after the hosts, got {_label(url)!r}")
        return Server(kind, _label(url), options, hosts)
    if not path or len(path) > 2 or (len(path) == 2 and not path[1].isdigit()):
        raise ConfigError(f"expected a url like redis+sentinel://host:26379/service/0, got {_label(url)!r}")
    options["db"] = int(path[1]) if len(path) > 1 else 0
    return Server(kind, _label(url), options, hosts, path[0])


_URL = re.compile(r"([^:]+)://([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?", re.DOTALL)


def _host(place: str, default: int) -> tuple[str, int]:
    parts = urlsplit(f"//{place}")
    if not parts.hostname or parts.port == 0:
        raise ValueError(place)
    return parts.hostname, parts.port or default


def _label(url: str) -> str:
    """The URL for people: without a login, and without options, one of which may be a password."""
    scheme, separator, rest = url.partition("://")
    login, at, place = rest.rpartition("@")
    return f"{scheme}{separator}{'***@' if at and login else ''}{re.split('[?#]', place)[0]}"
