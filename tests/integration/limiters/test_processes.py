"""Limiters across processes, forks, event loops and servers."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterator
from multiprocessing.context import BaseContext

import pytest

from shiftboss.client import Shiftboss
from shiftboss.limiters import ConcurrentLimiter, all_of, concurrent, window
from tests.backends import Backend
from tests.servers import ServerProcess, embedded_binary
from tests.waiting import wait_until

real = pytest.mark.backends("embedded", "redis")


def hold(url: str, limiter: ConcurrentLimiter, go: object, most: object, inside: object) -> None:
    """In a process of its own: enter a few times and note how many are inside."""
    go.wait()  # type: ignore[attr-defined]
    with Shiftboss(url):
        for _ in range(5):
            with limiter.within_limit():
                with inside.get_lock():  # type: ignore[attr-defined]
                    inside.value += 1  # type: ignore[attr-defined]
                    most.value = max(most.value, inside.value)  # type: ignore[attr-defined]
                with inside.get_lock():  # type: ignore[attr-defined]
                    inside.value -= 1  # type: ignore[attr-defined]


@real
@pytest.mark.parametrize("method", ["spawn", "fork"])
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_limiter_goes_to_other_processes_as_its_definition(backend: Backend, client: Shiftboss, method: str) -> None:
    context: BaseContext = multiprocessing.get_context(method)
    limiter = concurrent("shared", 2, wait_timeout=30)
    go, most, inside = context.Event(), context.Value("i", 0), context.Value("i", 0)  # type: ignore[attr-defined]
    args = (backend.url, limiter, go, most, inside)
    processes = [context.Process(target=hold, args=args) for _ in range(3)]  # type: ignore[attr-defined]
    for process in processes:
        process.start()
    go.set()
    for process in processes:
        process.join(40)
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert 1 <= most.value <= 2
    assert limiter.peek().used == 0


@real
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_used_before_a_fork_and_after_it_in_parent_and_children(client: Shiftboss) -> None:
    limiter = concurrent("preloaded", 3, wait_timeout=20, lock_timeout=60)
    held = limiter.acquire()
    # Also one that has waited, whose process has shown itself before the fork.
    one = concurrent("one", 1, wait_timeout=5)
    slot = one.acquire()
    threading.Timer(0.05, slot.release).start()
    one.acquire().release()
    children = []
    for _ in range(4):
        child = os.fork()
        if child == 0:
            code = 1
            try:
                for _ in range(5):
                    with limiter.within_limit(), one.within_limit():
                        pass
                code = 0
            finally:
                os._exit(code)
        children.append(child)
    for _ in range(5):
        with limiter.within_limit(), one.within_limit():
            pass
    assert [os.waitpid(child, 0)[1] for child in children] == [0, 0, 0, 0]
    assert held.release() is True
    assert limiter.peek().used == one.peek().used == 0


def test_an_event_loop_after_another(client: Shiftboss) -> None:
    limiter = concurrent("loops", 1, wait_timeout=5)

    async def once() -> int:
        async with limiter.within_limit() as grant:
            waiting = asyncio.create_task(limiter.aacquire())
            await asyncio.sleep(0.01)
        second = await waiting
        await second.arelease()
        await client.aclose()
        return second.fence - grant.fence

    assert [asyncio.run(once()) for _ in range(3)] == [1, 1, 1]


def test_a_thread_and_an_event_loop_wait_for_each_other(client: Shiftboss) -> None:
    limiter = concurrent("both", 1, wait_timeout=10)

    async def main() -> None:
        held = await limiter.aacquire()
        thread = threading.Thread(
            target=lambda: concurrent("both", 1, wait_timeout=10, client=client).acquire().release()
        )
        thread.start()
        await asyncio.to_thread(wait_until, lambda: limiter.peek().waiting == 1)
        await held.arelease()
        await asyncio.to_thread(thread.join, 10)
        assert not thread.is_alive()
        await client.aclose()

    asyncio.run(main())


@pytest.fixture
def second_server() -> Iterator[ServerProcess]:
    with ServerProcess(embedded_binary(), unix=True) as server:
        yield server


@pytest.mark.backends("embedded")
def test_two_clients_with_two_servers_in_one_process(client: Shiftboss, second_server: ServerProcess) -> None:
    other = Shiftboss(second_server.url)
    here, there = concurrent("erp", 1, wait_timeout=0), concurrent("erp", 1, wait_timeout=0, client=other)
    with here.within_limit():
        assert here.try_acquire() is None
        with there.within_limit(), other:
            assert here.try_acquire() is None
        with other:
            assert here.try_acquire() is not None
    other.close()


@pytest.mark.backends("embedded")
@pytest.mark.parametrize("refused", [False, True])
def test_all_of_asks_each_limiter_on_its_own_server(
    client: Shiftboss, second_server: ServerProcess, refused: bool
) -> None:
    with Shiftboss(second_server.url) as other, client:
        units, there = (
            window("w", 5, 60, client=other, wait_timeout=0),
            concurrent("c", 1, client=other, wait_timeout=0),
        )
        here, last = concurrent("c", 1, wait_timeout=0), concurrent("last", 1, wait_timeout=0)
        if refused:
            last.acquire()
        both = all_of(units, all_of(there, here), last)
        held = both.try_acquire()
        assert (held is None) is refused
        assert [one.peek().used for one in (units, there, here, last)] == ([0, 0, 0, 1] if refused else [1, 1, 1, 1])
        with other:
            assert concurrent("c", 1, wait_timeout=0).peek().used == there.peek().used
        if held is not None:
            assert held.release()
            assert [one.peek().used for one in (units, there, here, last)] == [1, 0, 0, 0]


@pytest.mark.asyncio
@pytest.mark.backends("embedded")
async def test_all_of_asks_each_limiter_on_its_own_server_from_coroutines(
    aclient: Shiftboss, second_server: ServerProcess
) -> None:
    other = Shiftboss(second_server.url)
    here, there = concurrent("c", 1, wait_timeout=0), concurrent("c", 1, client=other, wait_timeout=0)
    async with all_of(here, there).within_limit():
        assert await here.atry_acquire() is await there.atry_acquire() is None
    held = await there.aacquire()
    assert await all_of(here, there).atry_acquire() is None
    assert (await here.apeek()).used == 0
    await held.arelease()
    await other.aclose()


@real
def test_a_client_that_is_slow_to_answer_has_a_longer_wait_than_its_socket_timeout(
    new_client: Callable[..., Shiftboss],
) -> None:
    with new_client(timeout=0.2):
        limiter = concurrent("patient", 1, wait_timeout=10)
        held = limiter.acquire()
        threading.Timer(1.0, held.release).start()
        assert limiter.acquire().release()
