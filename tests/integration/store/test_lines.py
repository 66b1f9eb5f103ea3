"""Connections of one's own: commands that block, and what is published."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import exceptions

from shiftboss.scripts import Call
from shiftboss.store import AsyncStore, AsyncSubscription, Store, command, server_of
from shiftboss.store import line as line_module
from tests.integration.store.conftest import TOLERANCE, echo, frozen, in_time
from tests.proxy import FaultProxy
from tests.servers import ServerProcess
from tests.waiting import wait_until

LOST = (exceptions.ConnectionError, exceptions.TimeoutError)
SOON = 0.2


def move(seconds: float) -> Call[bytes | None]:
    return command("BLMOVE", ["{q}:from", "{q}:to"], ["RIGHT", "LEFT", seconds], lambda reply: reply, resend=False)


@pytest.fixture
def store(real: ServerProcess, raw: Any) -> Iterator[Store]:
    """A store whose calls have less time than a blocking one waits."""
    store = Store(server_of(real.url), SOON)
    yield store
    store.close()


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(line_module, "GRACE", SOON)


def waits(raw: Any) -> bool:
    """Whether somebody is blocked at the server."""
    return any("b" in client["flags"] for client in raw.client_list())


# Blocking.


def test_a_wait_may_be_longer_than_the_timeout(store: Store, raw: Any) -> None:
    with ThreadPoolExecutor(1) as pool, store.line("{q}:from") as line:
        waiting = pool.submit(line.run, move(0), 30)
        wait_until(lambda: waits(raw), what="the blocked command")
        with pytest.raises(TimeoutError):
            waiting.result(SOON * 3)
        raw.lpush("{q}:from", "job")
        assert waiting.result(5) == b"job"
    assert raw.lrange("{q}:to", 0, -1) == ["job"]


def test_nothing_comes(store: Store) -> None:
    with store.line("{q}:from") as line, in_time(SOON):
        assert line.run(move(SOON), SOON) is None


def test_a_line_runs_scripts_too(store: Store) -> None:
    with store.line("{t}:n") as line:
        assert [line.run(echo(n)) for n in range(3)] == [0, 1, 2]


def test_closing_from_another_thread_ends_the_wait_at_once(store: Store, raw: Any) -> None:
    with ThreadPoolExecutor(1) as pool, store.line("{q}:from") as line:
        waiting = pool.submit(line.run, move(0), 30)
        wait_until(lambda: waits(raw), what="the blocked command")
        began = time.monotonic()
        line.close()
        with pytest.raises(exceptions.ConnectionError):
            waiting.result(5)
        assert time.monotonic() - began < TOLERANCE
        with pytest.raises(exceptions.ConnectionError, match="closed"):
            line.run(move(SOON), SOON)
    wait_until(lambda: not waits(raw), what="the server to let go")


def test_closing_at_any_moment_ends_the_wait(store: Store, raw: Any) -> None:
    for n in range(30):
        with ThreadPoolExecutor(1) as pool, store.line("{q}:from") as line:
            waiting = pool.submit(line.run, move(0), 30)
            threading.Event().wait(n / 20_000)
            line.close()
            with pytest.raises(exceptions.ConnectionError):
                waiting.result(5)


def test_a_frozen_server_is_reported_after_the_wait(store: Store, real: ServerProcess) -> None:
    with store.line("{q}:from") as line:
        line.run(echo(1))
        with frozen(real), in_time(3 * SOON), pytest.raises(exceptions.TimeoutError):
            line.run(move(SOON), SOON)
        assert line.run(echo(2), 5) == 2, "the next call has a fresh connection"


def test_a_lost_reply_is_reported_and_nothing_is_sent_again(proxy: FaultProxy, raw: Any) -> None:
    store = Store(server_of(proxy.url), SOON)
    raw.lpush("{q}:from", "first", "second")
    proxy.drop_reply(b"BLMOVE")
    with store.line("{q}:from") as line:
        with pytest.raises(exceptions.ConnectionError):
            line.run(move(5), 5)
        assert proxy.forwarded(b"BLMOVE") == 1
        assert raw.lrange("{q}:to", 0, -1) == ["first"], "it was moved, and whoever owns the list can see that"
        assert line.run(move(5), 5) == b"second"
    store.close()


# Hearing.


def test_what_is_published_is_heard(store: Store, raw: Any) -> None:
    with store.subscribe("news") as news:
        assert news.wait(0.01) is None
        raw.publish("news", "one")
        raw.publish("news", "two")
        assert [news.wait(5), news.wait(5)] == [b"one", b"two"]
        assert news.wait(0.01) is None


def test_nothing_is_missed_from_the_moment_the_block_begins(store: Store, raw: Any) -> None:
    for n in range(20):
        with store.subscribe("news") as news:
            raw.publish("news", n)
            assert news.wait(5) == str(n).encode()


def test_a_subscription_whose_connection_is_gone_says_so_each_time(store: Store, raw: Any) -> None:
    with store.subscribe("news") as news:
        raw.client_kill_filter(_type="pubsub")
        for _ in range(3):
            with pytest.raises(exceptions.ConnectionError):
                news.wait(5)


def test_closing_a_subscription_from_another_thread_ends_the_wait_at_once(store: Store) -> None:
    for n in range(10):
        with ThreadPoolExecutor(1) as pool, store.subscribe("news") as news:
            waiting = pool.submit(news.wait, 30)
            threading.Event().wait(n / 1000)
            began = time.monotonic()
            news.close()
            with pytest.raises(exceptions.ConnectionError):
                waiting.result(5)
            assert time.monotonic() - began < TOLERANCE


def test_a_frozen_server_is_reported_when_subscribing(store: Store, real: ServerProcess) -> None:
    with frozen(real), in_time(SOON), pytest.raises(exceptions.TimeoutError), store.subscribe("news"):
        pass


# The same in asyncio.


async def blocked(raw: Any) -> None:
    await asyncio.to_thread(wait_until, lambda: waits(raw))


@pytest.mark.asyncio
async def test_asyncio_a_wait_may_be_longer_than_the_timeout(real: ServerProcess, raw: Any) -> None:
    store = AsyncStore(server_of(real.url), SOON)
    async with store.line("{q}:from") as line:
        waiting = asyncio.create_task(line.run(move(0), 30))
        await blocked(raw)
        done, _ = await asyncio.wait([waiting], timeout=SOON * 3)
        assert not done
        raw.lpush("{q}:from", "job")
        assert await waiting == b"job"
        assert await line.run(echo(1)) == 1
        assert await line.run(move(SOON), SOON) is None
    await store.aclose()


@pytest.mark.asyncio
async def test_asyncio_closing_ends_the_wait_at_once(real: ServerProcess, raw: Any) -> None:
    store = AsyncStore(server_of(real.url), SOON)
    async with store.line("{q}:from") as line:
        waiting = asyncio.create_task(line.run(move(0), 30))
        await blocked(raw)
        with in_time(0):
            await line.close()
            with pytest.raises(exceptions.ConnectionError):
                await waiting
        with pytest.raises(exceptions.ConnectionError, match="closed"):
            await line.run(echo(1))


@pytest.mark.asyncio
@pytest.mark.parametrize("how", ["closed", "cancelled"])
async def test_asyncio_a_line_that_is_given_up_while_it_connects_stays_not_open(
    real: ServerProcess, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    store = AsyncStore(server_of(real.url), 5)
    async with store.line("{q}:from") as line:
        connection, there, go_on = line._connection, asyncio.Event(), asyncio.Event()
        connect = connection.connect

        async def slowly() -> None:
            if how == "cancelled":
                await connect()
            there.set()
            await go_on.wait()
            await connect()

        monkeypatch.setattr(connection, "connect", slowly)
        subscribing = asyncio.create_task(AsyncSubscription.on(line, "news"))
        await there.wait()
        if how == "closed":
            await line.close()
            go_on.set()
            with pytest.raises(exceptions.ConnectionError, match="closed"):
                await subscribing
        else:
            subscribing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await subscribing
        assert not connection.is_connected
    await store.aclose()


@pytest.mark.asyncio
async def test_asyncio_a_wait_can_be_cancelled(real: ServerProcess, raw: Any) -> None:
    store = AsyncStore(server_of(real.url), SOON)
    async with store.line("{q}:from") as line:
        waiting = asyncio.create_task(line.run(move(0), 30))
        await blocked(raw)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        assert await line.run(echo(5)) == 5, "the reply that was waited for is not taken for this one"


@pytest.mark.asyncio
async def test_asyncio_a_frozen_server_is_reported_after_the_wait(real: ServerProcess, raw: Any) -> None:
    store = AsyncStore(server_of(real.url), SOON)
    async with store.line("{q}:from") as line:
        await line.run(echo(1))
        with frozen(real), in_time(3 * SOON), pytest.raises(exceptions.TimeoutError):
            await line.run(move(SOON), SOON)
        assert await line.run(echo(2), 5) == 2


@pytest.mark.asyncio
async def test_asyncio_what_is_published_is_heard(real: ServerProcess, raw: Any) -> None:
    store = AsyncStore(server_of(real.url), SOON)
    async with store.subscribe("news") as news:
        assert await news.wait(0.01) is None
        raw.publish("news", "one")
        raw.publish("news", "two")
        assert [await news.wait(5), await news.wait(5)] == [b"one", b"two"]
        raw.client_kill_filter(_type="pubsub")
        for _ in range(3):
            with pytest.raises(LOST):
                await news.wait(5)
