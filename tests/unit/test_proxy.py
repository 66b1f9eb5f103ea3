"""The proxy does to a caller exactly what it says: other tests rest on it."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.proxy import FaultProxy
from tests.servers import ServerProcess, embedded_binary
from tests.waiting import wait_until

INCR = b"INCR"


@pytest.fixture(scope="module")
def server() -> Iterator[ServerProcess]:
    with ServerProcess(embedded_binary()) as started:
        yield started


@pytest.fixture
def proxy(server: ServerProcess) -> Iterator[FaultProxy]:
    server.command("FLUSHALL")
    with FaultProxy(server.address) as between:
        yield between


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 0), socket_timeout=5) as through:
        yield through


@pytest.fixture
def raw(proxy: FaultProxy) -> Iterator[socket.socket]:
    with socket.create_connection((proxy.host, proxy.port), timeout=5) as connection:
        yield connection


def applied(server: ServerProcess) -> int:
    return int(server.command("GET", "n") or 0)


def everything(connection: socket.socket) -> bytes:
    data = b""
    while more := connection.recv(4096):
        data += more
    return data


def test_it_does_no_harm_until_told_to(client: redis.Redis, proxy: FaultProxy) -> None:
    big = b"x" * 3_000_000
    client.set("big", big)
    assert client.get("big") == big
    with client.pipeline() as pipeline:
        for words in (("INCR", "n"), ("LPUSH", "l", "a", "b"), ("LRANGE", "l", 0, -1), ("GET", "none")):
            pipeline.execute_command(*words)
        assert pipeline.execute() == [1, 2, [b"b", b"a"], None]
    assert client.eval("return {1, {2, 'three'}, false}", 0) == [1, [2, b"three"], None]
    assert proxy.connections == 1
    assert (proxy.seen(INCR), proxy.forwarded(INCR)) == (1, 1)


def test_a_server_on_a_unix_socket_can_be_behind_it() -> None:
    with (
        ServerProcess(embedded_binary(), unix=True) as server,
        FaultProxy(server.address) as proxy,
        redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 0)) as client,
    ):
        assert client.incr("n") == 1
        proxy.drop_reply(INCR)
        with pytest.raises(redis.ConnectionError):
            client.incr("n")
        assert client.get("n") == b"2"


def test_drop_reply_applies_once_and_resets(client: redis.Redis, proxy: FaultProxy, server: ServerProcess) -> None:
    fault = proxy.drop_reply(INCR, times=2)
    for count in (1, 2):
        with pytest.raises(redis.ConnectionError, match="reset"):
            client.incr("n")
        assert applied(server) == count
    assert client.incr("n") == 3
    assert fault.hits == 2
    assert proxy.forwarded(INCR) == 3
    assert proxy.connections == 3


def test_a_lost_reply_is_applied_twice_by_a_client_that_resends(proxy: FaultProxy, server: ServerProcess) -> None:
    proxy.drop_reply(INCR)
    with redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 1)) as client:
        assert client.incr("n") == 2
    assert proxy.forwarded(INCR) == 2


@pytest.mark.parametrize("after", [0, 1, 4])
def test_cut_reply_passes_on_so_many_bytes(raw: socket.socket, proxy: FaultProxy, after: int) -> None:
    proxy.cut_reply(after, b"ECHO")
    raw.sendall(b"*2\r\n$4\r\nECHO\r\n$3\r\nabc\r\n")
    assert everything(raw) == b"$3\r\nabc\r\n"[:after]


def test_a_client_reports_a_cut_reply(client: redis.Redis, proxy: FaultProxy, server: ServerProcess) -> None:
    proxy.cut_reply(1, INCR)
    with pytest.raises(redis.ConnectionError):
        client.incr("n")
    assert applied(server) == 1


def test_delay_holds_back_the_reply_of_what_is_applied(proxy: FaultProxy, server: ServerProcess) -> None:
    proxy.delay(0.3, INCR)
    options = {"retry": Retry(NoBackoff(), 0), "socket_timeout": 0.1}
    with redis.Redis.from_url(proxy.url, **options) as client, pytest.raises(redis.TimeoutError):
        client.incr("n")
    assert applied(server) == 1


def test_a_delayed_reply_arrives(client: redis.Redis, proxy: FaultProxy) -> None:
    client.ping()
    proxy.delay(0.1, INCR)
    began = time.monotonic()
    assert client.incr("n") == 1
    assert time.monotonic() - began >= 0.1


def test_a_blackhole_swallows_everything(proxy: FaultProxy, server: ServerProcess) -> None:
    options = {"retry": Retry(NoBackoff(), 0), "socket_timeout": 0.1}
    with redis.Redis.from_url(proxy.url, **options) as client:
        client.ping()
        proxy.blackhole(INCR)
        for _ in range(2):
            with pytest.raises(redis.TimeoutError):
                client.incr("n")
        proxy.heal()
        assert client.incr("n") == 1
    assert (proxy.seen(INCR), proxy.forwarded(INCR)) == (3, 1)


def test_a_connection_stays_in_the_blackhole(raw: socket.socket, proxy: FaultProxy) -> None:
    fault = proxy.blackhole(INCR, times=1)
    raw.sendall(b"*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n")
    wait_until(lambda: fault.hits == 1, what="the request to be swallowed")
    raw.settimeout(0.1)
    raw.sendall(b"*1\r\n$4\r\nPING\r\n")
    with pytest.raises(TimeoutError):
        raw.recv(1)
    assert (proxy.seen(b"PING"), proxy.forwarded(b"PING")) == (1, 0)


def test_refuse_resets_old_and_new_connections(client: redis.Redis, proxy: FaultProxy) -> None:
    client.incr("n")
    proxy.refuse()
    for _ in range(3):
        with pytest.raises(redis.ConnectionError):
            client.incr("n")
    assert proxy.seen(INCR) == 1
    proxy.heal()
    assert client.incr("n") == 2


def test_refuse_the_next_few(client: redis.Redis, proxy: FaultProxy) -> None:
    fault = proxy.refuse(times=2)
    for _ in range(2):
        with pytest.raises(redis.ConnectionError):
            client.ping()
    assert client.ping() is True
    assert fault.hits == 2
    assert proxy.connections == 3


def test_a_server_that_is_not_there_resets(server: ServerProcess) -> None:
    with (
        FaultProxy("/nonexistent/redis.sock") as proxy,
        redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 0)) as client,
        pytest.raises(redis.ConnectionError),
    ):
        client.ping()


def test_reset_before_is_surely_not_applied(client: redis.Redis, proxy: FaultProxy, server: ServerProcess) -> None:
    proxy.reset_before(INCR)
    with pytest.raises(redis.ConnectionError, match="reset"):
        client.incr("n")
    assert applied(server) == 0
    assert (proxy.seen(INCR), proxy.forwarded(INCR)) == (1, 0)
    assert client.incr("n") == 1


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (b"-LOADING Redis is loading the dataset in memory\r\n", redis.exceptions.BusyLoadingError),
        (b"-READONLY You can't write against a read only replica.\r\n", redis.exceptions.ReadOnlyError),
        (b"-NOSCRIPT No matching script.\r\n", redis.exceptions.NoScriptError),
        (b"-OOM command not allowed when used memory > 'maxmemory'.\r\n", redis.exceptions.OutOfMemoryError),
    ],
)
def test_inject_answers_instead_of_the_server(
    client: redis.Redis, proxy: FaultProxy, server: ServerProcess, reply: bytes, error: type[Exception]
) -> None:
    fault = proxy.inject(reply, INCR)
    with pytest.raises(error):
        client.incr("n")
    assert applied(server) == 0
    assert (fault.hits, proxy.forwarded(INCR)) == (1, 0)
    assert client.incr("n") == 1


def test_faults_meet_single_requests_of_a_pipeline_and_replies_stay_in_order(
    raw: socket.socket, proxy: FaultProxy, server: ServerProcess
) -> None:
    proxy.inject(b"-FIRST\r\n", b"two")
    proxy.inject(b"-SECOND\r\n", b"three")
    proxy.cut_reply(0, b"five")
    raw.sendall(b"".join(b"*2\r\n$4\r\nECHO\r\n$%d\r\n%s\r\n" % (len(w), w) for w in (b"one", b"two", b"three")))
    raw.sendall(b"*2\r\n$4\r\nECHO\r\n$4\r\nfour\r\n*2\r\n$4\r\nECHO\r\n$4\r\nfive\r\n")
    assert everything(raw) == b"$3\r\none\r\n-FIRST\r\n-SECOND\r\n$4\r\nfour\r\n"
    assert proxy.forwarded(b"ECHO") == 3


def test_a_request_that_arrives_in_pieces_is_one_request(raw: socket.socket, proxy: FaultProxy) -> None:
    raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in b"*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\r\n":
        raw.sendall(bytes([byte]))
    assert raw.recv(64) == b"$2\r\n\r\n\r\n"
    assert proxy.seen() == 1


def test_a_fault_meets_the_reply_to_its_own_request(raw: socket.socket, proxy: FaultProxy) -> None:
    proxy.cut_reply(0, b"LLEN")  # behind a request that blocks
    raw.sendall(b"*3\r\n$5\r\nBLPOP\r\n$4\r\nnone\r\n$4\r\n0.05\r\n*2\r\n$4\r\nLLEN\r\n$4\r\nnone\r\n")
    assert everything(raw) == b"*-1\r\n"


def test_rst_all_resets_what_there_is_and_harms_nothing_new(
    raw: socket.socket, client: redis.Redis, proxy: FaultProxy
) -> None:
    raw.sendall(b"*1\r\n$4\r\nPING\r\n")
    assert raw.recv(64) == b"+PONG\r\n"
    proxy.rst_all()
    with pytest.raises(ConnectionResetError):
        raw.recv(64)
    assert client.incr("n") == 1


def test_the_restart_of_the_server_behind_it_is_seen() -> None:
    with (
        ServerProcess(embedded_binary()) as server,
        FaultProxy(server.address) as proxy,
        redis.Redis.from_url(proxy.url, retry=Retry(NoBackoff(), 0)) as client,
    ):
        client.ping()
        server.kill()
        with pytest.raises(redis.ConnectionError):
            client.ping()
        server.start()
        assert client.ping() is True
