"""URLs of servers: what each kind means, and what is said of those that cannot be right."""

from __future__ import annotations

from typing import Any

import pytest

from shiftboss.errors import ConfigError
from shiftboss.store import server_of

SCHEMES = (
    "redis://, rediss://, unix://, redis+sentinel://, rediss+sentinel://, redis+cluster://, rediss+cluster://, "
    "embedded://, fake://"
)


@pytest.mark.parametrize(
    ("url", "kind", "options", "hosts", "service"),
    [
        ("redis://", "standalone", {"host": "localhost", "port": 6379}, (), ""),
        ("redis://h", "standalone", {"host": "h", "port": 6379}, (), ""),
        ("redis://h:1/2", "standalone", {"host": "h", "port": 1, "db": 2}, (), ""),
        ("redis:///3", "standalone", {"host": "localhost", "port": 6379, "db": 3}, (), ""),
        ("redis://:p%40s%2Fs@h", "standalone", {"host": "h", "port": 6379, "password": "p@s/s"}, (), ""),
        ("redis://u:p@h", "standalone", {"host": "h", "port": 6379, "username": "u", "password": "p"}, (), ""),
        ("redis://[::1]:7/0", "standalone", {"host": "::1", "port": 7, "db": 0}, (), ""),
        (
            "rediss://h?ssl_cert_reqs=none&ssl_check_hostname=false",
            "standalone",
            {"host": "h", "port": 6379, "ssl": True, "ssl_cert_reqs": "none", "ssl_check_hostname": False},
            (),
            "",
        ),
        ("redis://h?password=p&db=4", "standalone", {"host": "h", "port": 6379, "password": "p", "db": 4}, (), ""),
        # redis-py knows these and the store decides them: a URL that worked elsewhere works here.
        ("redis://h?socket_timeout=3&max_connections=9", "standalone", {"host": "h", "port": 6379}, (), ""),
        ("unix:///tmp/a%20b.sock", "standalone", {"path": "/tmp/a b.sock"}, (), ""),
        ("unix://u:p@/tmp/x?db=3", "standalone", {"path": "/tmp/x", "username": "u", "password": "p", "db": 3}, (), ""),
        ("redis+sentinel://a/svc", "sentinel", {"db": 0}, (("a", 26379),), "svc"),
        ("redis+sentinel://a:1,b,[::1]:3/svc/2", "sentinel", {"db": 2}, (("a", 1), ("b", 26379), ("::1", 3)), "svc"),
        ("rediss+sentinel://:p@a/svc", "sentinel", {"db": 0, "ssl": True, "password": "p"}, (("a", 26379),), "svc"),
        ("redis+cluster://a,b:7", "cluster", {}, (("a", 6379), ("b", 7)), ""),
        ("rediss+cluster://u:p@a/0", "cluster", {"ssl": True, "username": "u", "password": "p"}, (("a", 6379),), ""),
    ],
)
def test_a_url(url: str, kind: str, options: dict[str, Any], hosts: tuple[tuple[str, int], ...], service: str) -> None:
    server = server_of(url)
    assert (server.kind, server.options, server.hosts, server.service) == (kind, options, hosts, service)


def test_fake_servers_are_told_apart_by_name() -> None:
    one, same, other = (server_of(f"fake://{name}") for name in ("unit-a", "unit-a", "unit-b"))
    assert one.fake is same.fake
    assert one.fake is not other.fake
    assert (one.kind, one.blocks) == ("fake", False)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://u:secret@h", f"expected url to begin with one of {SCHEMES}, got 'http://***@h'"),
        ("redis:h", f"expected url to begin with one of {SCHEMES}, got 'redis:h'"),
        ("", f"expected url to begin with one of {SCHEMES}, got ''"),
        ("redis://:secret@h:x/0", "expected a port from 1 to 65535 in the url, got 'redis://***@h:x/0'"),
        ("redis://h:99999", "expected a port from 1 to 65535 in the url, got 'redis://h:99999'"),
        ("redis://h:0", "expected a port from 1 to 65535 in the url, got 'redis://h:0'"),
        ("redis://a:1,b:2", "expected a port from 1 to 65535 in the url, got 'redis://a:1,b:2'"),
        ("redis://:secret@[::1", "cannot read the url 'redis://***@[::1': Invalid IPv6 URL"),
        ("redis://h/x", "expected the number of a database after the last / of the url, got 'redis://h/x'"),
        ("redis://h/-1", "expected the number of a database after the last / of the url, got 'redis://h/-1'"),
        (
            "redis://:secret@h/0/1",
            "expected the number of a database after the last / of the url, got 'redis://***@h/0/1'",
        ),
        *(
            (
                f"redis://u:sec{sign}ret@h/0",
                "cannot read the url 'redis://***@h/0': / ? # and @ in a user name or password have to be percent-encoded",
            )
            for sign in "/?#"
        ),
        (
            "redis://:p@secret/x@h/0",
            "cannot read the url 'redis://***@h/0': / ? # and @ in a user name or password have to be percent-encoded",
        ),
        (
            "redis://h?sokcet_keepalive=1",
            "unknown option in the url 'sokcet_keepalive'; did you mean 'socket_keepalive'?",
        ),
        ("redis://:secret@h?db=x", "expected another value for db in the url 'redis://***@h'"),
        ("unix://", "expected a url like unix:///path/to/redis.sock, got 'unix://'"),
        ("redis+sentinel://", "expected host:port[,host:port] in the url, got 'redis+sentinel://'"),
        ("redis+sentinel://h:x/s", "expected host:port[,host:port] in the url, got 'redis+sentinel://h:x/s'"),
        (
            "redis+sentinel://:secret@a,,b/s",
            "expected host:port[,host:port] in the url, got 'redis+sentinel://***@a,,b/s'",
        ),
        ("redis+sentinel://h", "expected a url like redis+sentinel://host:26379/service/0, got 'redis+sentinel://h'"),
        (
            "redis+sentinel://h/s/x",
            "expected a url like redis+sentinel://host:26379/service/0, got 'redis+sentinel://h/s/x'",
        ),
        ("redis+cluster://", "expected host:port[,host:port] in the url, got 'redis+cluster://'"),
        ("redis+cluster://h/1", "a cluster has no databases; expected no / after the hosts, got 'redis+cluster://h/1'"),
    ],
)
def test_a_url_that_cannot_be_right(url: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        server_of(url)
    assert str(caught.value) == message
    assert "secret" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "label"),
    [
        ("redis://u:secret@h:1/2", "redis://***@h:1/2"),
        ("redis://h?password=secret", "redis://h"),
        ("unix://:secret@/tmp/x", "unix://***@/tmp/x"),
        ("redis+sentinel://:secret@a,b/s/0?username=secret", "redis+sentinel://***@a,b/s/0"),
        ("rediss+cluster://u:secret@a,b", "rediss+cluster://***@a,b"),
    ],
)
def test_a_label_has_no_password(url: str, label: str) -> None:
    assert server_of(url).label == label
