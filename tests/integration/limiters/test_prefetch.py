"""Lease blocks across processes, threads and event loops."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from shiftboss.client import Shiftboss
from shiftboss.limiters import window
from shiftboss.limiters.prefetch import _shelves, leftovers
from tests.backends import Backend
from tests.waiting import wait_until

real = pytest.mark.backends("embedded", "redis", "cluster")

SPENDER = """
import sys
from shiftboss import Shiftboss, limiters
limiter = limiters.window("shared", 1000, 3600, prefetch=100, wait_timeout=0)
client = Shiftboss(sys.argv[1], namespace=sys.argv[2])
with client:
    for _ in range(40):
        limiter.acquire()
print("spent", flush=True)
if sys.argv[3] == "wait":
    sys.stdin.read()
"""


def spender(client: Shiftboss, then: str) -> subprocess.Popen[str]:
    args = [sys.executable, "-c", SPENDER, client.settings.url, client.namespace, then]
    process = subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "spent\n"
    return process


@real
def test_a_process_that_ends_gives_back_what_it_has_not_spent(backend: Backend, client: Shiftboss) -> None:
    with spender(client, "end") as process:
        process.communicate(timeout=30)
    assert process.returncode == 0
    assert window("shared", 1000, 3600, prefetch=100, wait_timeout=0).peek().used == 40


@real
def test_a_killed_processs_units_are_lost_and_none_is_admitted_twice(backend: Backend, client: Shiftboss) -> None:
    with spender(client, "wait") as process:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    limiter = window("shared", 1000, 3600, prefetch=100, wait_timeout=0)
    taken = limiter.peek().used + limiter.peek().waiting
    assert 40 < taken <= 40 + 100


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
@real
def test_a_forked_child_spends_none_of_its_parents_units(client: Shiftboss) -> None:
    limiter = window("forked", 200, 3600, prefetch=100, wait_timeout=0)
    mine = sum(limiter.try_acquire() is not None for _ in range(50))
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            given = sum(limiter.try_acquire() is not None for _ in range(300))
            client.store.run_many(leftovers(_shelves[client]))
            os.write(write, str(given).encode())
        finally:
            os._exit(0)
    os.waitpid(pid, 0)
    theirs = int(os.read(read, 10))
    mine += sum(limiter.try_acquire() is not None for _ in range(300))
    assert 0 < theirs < 200
    assert mine + theirs == 200


def test_a_client_that_is_dropped_gives_back_what_it_has_not_spent(client: Shiftboss, backend: Backend) -> None:
    limiter, other = window("dropped", 1000, 3600, prefetch=100, wait_timeout=0), Shiftboss(backend.url)
    with other:
        for _ in range(40):
            limiter.acquire()
    assert limiter.peek().used > 40
    del other
    gc.collect()
    wait_until(lambda: limiter.peek().used == 40, what="the rest to come back")


def test_threads_share_the_block_and_none_is_admitted_too_many(client: Shiftboss) -> None:
    limiter = window("threads", 1000, 3600, prefetch=50, wait_timeout=0)
    start = threading.Barrier(8)

    def spend(_: int) -> int:
        with client:
            start.wait()
            return sum(limiter.try_acquire() is not None for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        given = sum(pool.map(spend, range(8)))
    assert given <= 1000
    given += sum(limiter.try_acquire() is not None for _ in range(100))
    assert given == 1000


@pytest.mark.asyncio
async def test_tasks_share_the_block_and_none_is_admitted_too_many(aclient: Shiftboss) -> None:
    limiter = window("tasks", 300, 3600, prefetch=50, wait_timeout=0)

    async def spend() -> int:
        return sum([await limiter.atry_acquire() is not None for _ in range(50)])

    given = sum(await asyncio.gather(*(spend() for _ in range(8))))
    given += sum([await limiter.atry_acquire() is not None for _ in range(60)])
    assert given == 300


def test_clients_with_blocks_admit_exactly_the_limit_together(
    client: Shiftboss, new_client: Callable[..., Shiftboss]
) -> None:
    limiter, clients = window("clients", 500, 3600, prefetch=40, wait_timeout=0), [new_client() for _ in range(3)]
    given = 0
    for n in range(900):
        with clients[n % 3]:
            given += limiter.try_acquire() is not None
    assert given == 500


@pytest.mark.parametrize("prefetch", [5, 50])
def test_clients_with_blocks_and_clients_without_admit_exactly_the_limit_together(
    client: Shiftboss, new_client: Callable[..., Shiftboss], prefetch: int
) -> None:
    """As while a deploy rolls out."""
    alone = window("mixed", 200, 60, wait_timeout=0, client=new_client())
    together = window("mixed", 200, 60, wait_timeout=0, prefetch=prefetch, client=new_client())
    given = sum(one.try_acquire() is not None for _ in range(300) for one in (together, alone))
    assert given == 200
    assert (alone.peek().used, alone.peek().waiting) == (200, 0)
