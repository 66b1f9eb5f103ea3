"""Sentinel, Cluster, TLS, and servers named by a client of the user's."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import fakeredis
import pytest
import redis
from redis import exceptions
from redis.sentinel import Sentinel

from shiftboss.client import Shiftboss
from shiftboss.errors import ConfigError
from shiftboss.store import AsyncStore, Store, command, server_of, server_of_client
from tests.integration.store.conftest import Caller, add, echo, in_time, once
from tests.sentinel import SERVICE, SentinelGroup, start_sentinel
from tests.servers import (
    HOST,
    ServerProcess,
    TlsServer,
    embedded_binary,
    free_port,
    path_server,
    require,
    start_tls,
)
from tests.waiting import wait_until

# Sentinel.


@pytest.fixture(scope="module")
def sentinels() -> Iterator[SentinelGroup]:
    with start_sentinel(embedded_binary()) as group:
        yield group


def test_a_failover_loses_no_call(sentinels: SentinelGroup) -> None:
    store, stop, answered = Store(server_of(sentinels.url), 20), threading.Event(), [0, 0, 0]

    def work(thread: int) -> None:
        while not stop.is_set():
            n = answered[thread]
            assert store.run(echo(n)) == n
            store.run(once())
            answered[thread] += 1

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: min(answered) > 20, what="calls before the failover")
        sentinels.failover()
        before = list(answered)
        wait_until(lambda: all(n > b + 20 for n, b in zip(answered, before, strict=True)), what="calls after it")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert store.run(command("ROLE", [], [], lambda role: role[0])) == b"master"
    store.close()


@pytest.mark.asyncio
async def test_a_failover_loses_no_call_in_asyncio(sentinels: SentinelGroup) -> None:
    store, stop, answered = AsyncStore(server_of(sentinels.url), 20), asyncio.Event(), [0, 0, 0]

    async def work(task: int) -> None:
        while not stop.is_set():
            n = answered[task]
            assert await store.run(echo(n)) == n
            await store.run(once())
            answered[task] += 1

    tasks = [asyncio.create_task(work(n)) for n in range(3)]
    await asyncio.to_thread(wait_until, lambda: min(answered) > 20)
    await asyncio.to_thread(sentinels.failover)
    before = list(answered)
    await asyncio.to_thread(wait_until, lambda: all(n > b + 20 for n, b in zip(answered, before, strict=True)))
    stop.set()
    await asyncio.gather(*tasks)
    assert await store.run(command("ROLE", [], [], lambda role: role[0])) == b"master"
    await store.aclose()


def test_what_must_not_run_twice_is_answered_or_reported_through_a_failover(
    connect: Callable[..., Caller], sentinels: SentinelGroup
) -> None:
    store = connect(sentinels.url, 10)
    counter = f"{{t}}:{time.monotonic_ns()}"
    answers, errors, done = 0, 0, threading.Event()

    def failover() -> None:
        sentinels.failover()
        done.set()

    thread = threading.Thread(target=failover)
    thread.start()
    while not done.is_set() or answers == 0:
        try:
            store.run(add(counter))
            answers += 1
        except exceptions.RedisError:
            errors += 1
    thread.join()
    # A replica that is promoted may lack what was just answered, but nothing is there that was not asked for.
    assert store.run(add(counter)) <= answers + errors + 1


def test_a_sentinel_that_is_down_is_passed_over(connect: Callable[..., Caller], sentinels: SentinelGroup) -> None:
    url = sentinels.url.replace("//", f"//{HOST}:{free_port()},")
    assert connect(url, 5).run(echo(4)) == 4


def test_a_sentinel_that_is_silent_is_passed_over(connect: Callable[..., Caller], sentinels: SentinelGroup) -> None:
    with ServerProcess(embedded_binary()) as silent:
        silent.freeze()
        url = sentinels.url.replace("//", f"//{HOST}:{silent.port},")
        with in_time(5):
            assert connect(url, 5).run(echo(4)) == 4


def test_a_service_that_no_sentinel_knows_is_reported_at_once(
    connect: Callable[..., Caller], sentinels: SentinelGroup
) -> None:
    with in_time(0), pytest.raises(exceptions.ConnectionError, match="No master found for 'other'"):
        connect(sentinels.url.replace(f"/{SERVICE}/", "/other/"), 30).run(echo(4))


# Cluster.


class TwoNodes:
    """A cluster of two nodes, each with half of the slots, in which a slot can be moved."""

    def __init__(self, stack: ExitStack) -> None:
        binary = embedded_binary()
        ports = [("--cluster-port", str(free_port())) for _ in range(2)]
        common = ("--cluster-enabled", "yes", "--cluster-announce-ip", HOST, "--cluster-node-timeout", "2000")
        self.nodes = [stack.enter_context(ServerProcess(binary, *common, *port)) for port in ports]
        first, second = self.nodes
        first.command("CLUSTER", "ADDSLOTSRANGE", 0, 8191)
        second.command("CLUSTER", "ADDSLOTSRANGE", 8192, 16383)
        second.command("CONFIG", "SET", "cluster-require-full-coverage", "no")
        first.command("CLUSTER", "MEET", HOST, second.port, ports[1][1])
        wait_until(self._is_ready, 20.0, "both nodes to know all slots")
        self.ids = [node.command("CLUSTER", "MYID") for node in self.nodes]
        self.url = f"redis+cluster://{HOST}:{first.port}"

    def _is_ready(self) -> bool:
        infos = [node.command("CLUSTER", "INFO") for node in self.nodes]
        return all(
            str(info["cluster_state"] if isinstance(info, dict) else info).find("ok") >= 0 for info in infos
        ) and all("16384" in str(info) for info in infos)

    def move(self, slot: int, source: int, target: int) -> None:
        """Give an empty slot to the other node; clients still ask the old one."""
        for node in (target, source):
            self.nodes[node].command("CLUSTER", "SETSLOT", slot, "NODE", self.ids[target])


@pytest.fixture(scope="module")
def two_nodes() -> Iterator[TwoNodes]:
    with ExitStack() as stack:
        yield TwoNodes(stack)


def key_in(node: int) -> tuple[str, int]:
    """A key whose slot belongs to the node, and the slot; another one at each call."""
    while True:
        key = f"{{t{next(_numbers)}}}:n"
        slot = redis.crc.key_slot(key.encode())
        if (slot > 8191) == bool(node):
            return key, slot


_numbers = iter(range(100_000))


def test_calls_go_to_the_node_of_their_key(connect: Callable[..., Caller], two_nodes: TwoNodes) -> None:
    store = connect(two_nodes.url, 5)
    keys = [key_in(n % 2)[0] for n in range(20)]
    assert store.run_many([echo(n, key) for n, key in enumerate(keys)]) == list(range(20))
    assert [store.run(add(key)) for key in keys] == [1] * 20
    assert all(node.command("DBSIZE") >= 10 for node in two_nodes.nodes)


def test_a_slot_that_moved_is_followed_once(connect: Callable[..., Caller], two_nodes: TwoNodes) -> None:
    store = connect(two_nodes.url, 5)
    key, slot = key_in(0)
    store.run(echo(1, key))
    two_nodes.move(slot, 0, 1)
    try:
        delivery = store.deliver(add(key))
        assert (delivery.result, delivery.resent) == (1, False)
        assert store.run_many([add(key), echo(7, key)]) == [2, 7]
        assert two_nodes.nodes[1].command("EXISTS", key) == 1
        moved = two_nodes.nodes[0].command("INFO", "errorstats")["errorstat_MOVED"]
        assert store.run(add(key)) == 3
        assert two_nodes.nodes[0].command("INFO", "errorstats")["errorstat_MOVED"] == moved, "it is asked no more"
    finally:
        two_nodes.nodes[1].command("DEL", key)
        two_nodes.move(slot, 1, 0)


def test_a_slot_on_the_move_is_asked_for(connect: Callable[..., Caller], two_nodes: TwoNodes) -> None:
    store = connect(two_nodes.url, 5)
    key, slot = key_in(0)
    store.run(echo(1, key))
    old, new = two_nodes.nodes
    new.command("CLUSTER", "SETSLOT", slot, "IMPORTING", two_nodes.ids[0])
    old.command("CLUSTER", "SETSLOT", slot, "MIGRATING", two_nodes.ids[1])
    try:
        delivery = store.deliver(add(key))
        assert (delivery.result, delivery.resent) == (1, False)
        assert store.run_many([add(key), echo(7, key)]) == [2, 7]
    finally:
        old.command("CLUSTER", "SETSLOT", slot, "STABLE")
        new.command("CLUSTER", "SETSLOT", slot, "STABLE")


def test_a_cluster_that_was_never_there_is_reported_at_once(connect: Callable[..., Caller]) -> None:
    with in_time(0), pytest.raises(exceptions.ConnectionError, match="cannot be connected"):
        connect(f"redis+cluster://{HOST}:{free_port()}", 30).run(echo(1))


def test_a_server_that_is_no_cluster_is_reported_at_once(connect: Callable[..., Caller], real: ServerProcess) -> None:
    with in_time(0), pytest.raises(exceptions.ConnectionError, match="Cluster mode is not enabled"):
        connect(f"redis+cluster://{HOST}:{real.port}", 30).run(echo(1))


def test_a_node_reached_without_saying_that_it_is_a_cluster(
    connect: Callable[..., Caller], two_nodes: TwoNodes
) -> None:
    store = connect(two_nodes.nodes[0].url, 30)
    assert store.run(echo(1, key_in(0)[0])) == 1
    with in_time(0), pytest.raises(exceptions.MovedError):
        store.run(echo(1, key_in(1)[0]))


# TLS.


@pytest.fixture(scope="module")
def tls() -> Iterator[TlsServer]:
    binary = require(path_server(), "no redis-server on the PATH, and the embedded one has no TLS")
    with require(start_tls(binary), "redis-server has no TLS, or there is no openssl") as server:
        yield server


def test_tls(connect: Callable[..., Caller], tls: TlsServer) -> None:
    store = connect(tls.url, 5)
    assert store.run_many([echo(n) for n in range(50)]) == list(range(50))
    before = store.run(add("{t}:tls"))
    assert store.run(add("{t}:tls")) == before + 1
    assert store.run(echo(3)) == 3


def test_a_certificate_nobody_vouches_for_is_refused_at_once(connect: Callable[..., Caller], tls: TlsServer) -> None:
    with in_time(0), pytest.raises(exceptions.ConnectionError, match=r"(?i)certificate"):
        connect(tls.url.partition("?")[0], 30).run(echo(1))


def test_tls_spoken_to_a_server_without_it_is_reported_in_time(
    connect: Callable[..., Caller], real: ServerProcess
) -> None:
    with in_time(), pytest.raises((exceptions.ConnectionError, exceptions.TimeoutError)):
        connect(real.url.replace("redis:", "rediss:")).run(echo(1))


# A client of the user's.


def used(client: Any) -> Store:
    """A store on the same server as the client; it works, in asyncio too."""
    shiftboss = Shiftboss(client)
    assert shiftboss.store.run(echo(2)) == 2

    async def main() -> int:
        try:
            return await shiftboss.astore.run(echo(3))
        finally:
            await shiftboss.aclose()

    assert asyncio.run(main()) == 3
    return shiftboss.store


def test_a_redis_client(real: ServerProcess, raw: Any) -> None:
    client = redis.Redis(port=real.port, db=3, decode_responses=True, protocol=3)
    store = used(client)
    assert store.server.label == f"redis://localhost:{real.port}/3"
    store.run(add("{t}:mine"))
    assert client.get("{t}:mine") == "1"
    store.close()
    client.close()


def test_an_asyncio_redis_client(real: ServerProcess) -> None:
    used(redis.asyncio.Redis.from_url(real.url)).close()


def test_a_client_with_a_password() -> None:
    with ServerProcess(embedded_binary(), "--requirepass", "s3cret") as server:
        store = used(redis.Redis(port=server.port, password="s3cret"))
        assert "s3cret" not in store.server.label
        store.close()


def test_a_client_of_a_unix_socket() -> None:
    with ServerProcess(embedded_binary(), unix=True) as server:
        store = used(redis.Redis(unix_socket_path=str(server.socket_path)))
        assert store.server.label == f"unix://{server.socket_path}"
        store.close()


def test_a_client_that_asks_sentinels(sentinels: SentinelGroup) -> None:
    places = [(HOST, one.port) for one in sentinels.sentinels]
    with Sentinel(places).master_for(SERVICE) as client:
        store = used(client)
    assert store.server.label == f"redis+sentinel://{HOST}:{places[0][1]}/{SERVICE}"
    store.close()


def test_a_cluster_client(two_nodes: TwoNodes) -> None:
    with redis.RedisCluster(host=HOST, port=two_nodes.nodes[0].port) as client:
        store = used(client)
    assert store.server.kind == "cluster"
    store.close()


def test_a_tls_client(tls: TlsServer) -> None:
    used(redis.Redis.from_url(tls.url)).close()


def test_a_fake_client() -> None:
    client = fakeredis.FakeRedis(server=fakeredis.FakeServer())
    store = used(client)
    store.run(add("{t}:mine"))
    assert client.get("{t}:mine") == b"1"


@pytest.mark.parametrize("nonsense", [object(), 5, redis])
def test_something_that_is_no_client(nonsense: Any) -> None:
    with pytest.raises(ConfigError, match=r"expected client to be a redis\.Redis, a RedisCluster or a URL, got"):
        server_of_client(nonsense)
