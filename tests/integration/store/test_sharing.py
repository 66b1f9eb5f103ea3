"""One store, many callers: threads, tasks, forks, loops; every caller gets the reply to its own call."""

from __future__ import annotations

import asyncio
import gc
import os
import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis import exceptions

from shiftboss.client import Shiftboss
from shiftboss.store import AsyncStore, Store, server_of
from tests.integration.store.conftest import AsyncCaller, Caller, add, echo, once
from tests.proxy import Fault, FaultProxy
from tests.servers import ServerProcess
from tests.waiting import wait_until


def test_many_threads_share_a_store(real: ServerProcess, raw: Any) -> None:
    store = Store(server_of(real.url))

    def work(thread: int) -> list[int]:
        return [store.run(echo(thread * 1000 + n)) for n in range(40)] + [store.run(add())]

    with ThreadPoolExecutor(50) as pool:
        for thread, (*echoes, _) in enumerate(pool.map(work, range(50))):
            assert echoes == [thread * 1000 + n for n in range(40)]
    assert raw.get("{t}:n") == "50"
    store.close()
    assert store.run(echo(1)) == 1
    store.close()


def test_threads_whose_connections_keep_breaking(proxy: FaultProxy, raw: Any) -> None:
    store = Store(server_of(proxy.url), 20)
    for _ in range(30):
        proxy.drop_reply(b"{t}:token")

    def work(_: int) -> list[int]:
        return [store.run(once()) for _ in range(20)]

    with ThreadPoolExecutor(10) as pool:
        list(pool.map(work, range(10)))
    assert raw.get("{t}:n") == "200"
    store.close()


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_a_fork_has_connections_of_its_own(connect: Callable[..., Caller], real: ServerProcess, raw: Any) -> None:
    store = connect(real.url, 10)
    store.run(add())
    child = os.fork()
    if child == 0:
        status = 1
        try:
            # A forked child has no use for its parent's event loop; a client gives each loop a store of its own.
            mine = AsyncCaller(real.url, 10) if isinstance(store, AsyncCaller) else store
            status = 0 if [mine.run(echo(n)) for n in range(300)] == list(range(300)) else 2
            mine.run(add())
        finally:
            os._exit(status)
    replies = [store.run(echo(-n)) for n in range(300)]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert replies == [-n for n in range(300)]
    assert store.run(add()) == 3


def test_each_run_of_an_event_loop_has_connections_of_its_own(real: ServerProcess, raw: Any) -> None:
    client = Shiftboss(real.url)

    async def main() -> list[int]:
        return await client.astore.run_many([echo(n) for n in range(10)])

    async def tidy() -> int:
        result = await client.astore.run(add())
        await client.aclose()
        return result

    assert asyncio.run(main()) == list(range(10))
    assert asyncio.run(main()) == list(range(10))
    assert asyncio.run(tidy()) == 1
    gc.collect()
    assert len(client._astores) == 0
    assert client.store.run(add()) == 2
    client.close()


def test_loops_in_threads_share_a_client(real: ServerProcess, raw: Any) -> None:
    client = Shiftboss(real.url)

    async def main(thread: int) -> list[int]:
        try:
            return await client.astore.run_many([echo(thread * 100 + n) for n in range(50)])
        finally:
            await client.aclose()

    with ThreadPoolExecutor(8) as pool:
        for thread, replies in enumerate(pool.map(lambda n: asyncio.run(main(n)), range(8))):
            assert replies == [thread * 100 + n for n in range(50)]


@pytest.mark.asyncio
@pytest.mark.parametrize("run", [1, 2])
async def test_each_test_has_a_loop(real: ServerProcess, raw: Any, run: int) -> None:
    store = AsyncStore(server_of(real.url))
    assert await store.run(add()) == 1
    await store.aclose()


@pytest.mark.asyncio
@pytest.mark.parametrize("seed", range(3))
async def test_calls_that_are_cancelled_never_leave_their_replies_to_others(proxy: FaultProxy, seed: int) -> None:
    store = AsyncStore(server_of(proxy.url), 10)
    dice = random.Random(seed)
    for _ in range(20):
        proxy.delay(dice.uniform(0.0, 0.02), b"EVALSHA")
    # The first ones are cancelled while the connection is being made.
    tasks = [asyncio.create_task(store.run(echo(n))) for n in range(200)]
    for _ in range(100):
        dice.choice(tasks).cancel()
        await asyncio.sleep(dice.choice([0, 0, 0, 0.001, 0.003]))
    replies = await asyncio.gather(*tasks, return_exceptions=True)
    for n, reply in enumerate(replies):
        assert reply == n or isinstance(reply, asyncio.CancelledError)
    assert any(isinstance(reply, asyncio.CancelledError) for reply in replies)
    assert await store.run_many([echo(n) for n in range(1000, 1200)]) == list(range(1000, 1200))
    await store.aclose()


async def hit(fault: Fault) -> None:
    """Wait until a fault has struck."""
    await asyncio.to_thread(wait_until, lambda: fault.hits)


@pytest.mark.asyncio
async def test_a_task_whose_opening_is_cancelled_does_not_keep_others_from_opening(proxy: FaultProxy) -> None:
    store = AsyncStore(server_of(proxy.url), 10)
    fault = proxy.delay(0.2)
    first = asyncio.create_task(store.run(echo(1)))
    second = asyncio.create_task(store.run(echo(2)))
    await hit(fault)
    first.cancel()
    assert await second == 2
    assert first.cancelled()
    assert proxy.connections == 1
    await store.aclose()


@pytest.mark.asyncio
async def test_closing_reports_what_is_still_under_way(proxy: FaultProxy) -> None:
    store = AsyncStore(server_of(proxy.url), 10)
    await store.run(echo(0))
    fault = proxy.delay(5, b"EVALSHA")
    tasks = [asyncio.create_task(store.run(add())) for _ in range(5)]
    await hit(fault)
    await store.aclose()
    for outcome in await asyncio.gather(*tasks, return_exceptions=True):
        assert isinstance(outcome, exceptions.ConnectionError)
    assert await store.run(echo(3)) == 3, "a closed store may be used again"
    await store.aclose()
    await store.aclose()


@pytest.mark.asyncio
async def test_closing_just_after_opening_leaves_nobody_waiting(proxy: FaultProxy) -> None:
    store = AsyncStore(server_of(proxy.url), 10)
    for delay in range(12):
        task = asyncio.create_task(store.run(echo(7)))
        for _ in range(delay):
            await asyncio.sleep(0)
        await store.aclose()
        assert await task == 7
        await store.aclose()


@pytest.mark.asyncio
async def test_a_refusal_of_one_call_is_not_taken_for_the_others(proxy: FaultProxy, raw: Any) -> None:
    store = AsyncStore(server_of(proxy.url), 10)
    await store.run(add("{t}:warm"))
    proxy.inject(b"-READONLY You can't write against a read only replica.\r\n", b"{t}:3")
    connections = proxy.connections
    assert await store.run_many([add(f"{{t}}:{n}") for n in range(8)]) == [1] * 8
    assert {raw.get(f"{{t}}:{n}") for n in range(8)} == {"1"}
    assert proxy.connections == connections + 1, "who was refused as by a replica tries a fresh connection"
    await store.aclose()


def test_a_store_is_closed_while_threads_use_it(real: ServerProcess, raw: Any) -> None:
    store = Store(server_of(real.url), 10)
    stop = threading.Event()

    def close() -> None:
        while not stop.is_set():
            store.close()

    closer = threading.Thread(target=close)
    closer.start()
    try:
        with ThreadPoolExecutor(4) as pool:
            assert list(pool.map(lambda n: store.run(echo(n)), range(400))) == list(range(400))
    finally:
        stop.set()
        closer.join()
        store.close()
