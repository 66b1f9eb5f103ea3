"""Deadlines of threads: the error comes in the block, or not at all."""

from __future__ import annotations

import random
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from shiftboss.engines.sidekiq.worker import timeouts
from shiftboss.engines.sidekiq.worker.timeouts import Block, Deadlines
from shiftboss.errors import JobTimeout
from tests.waiting import wait_until

THREADS, ROUNDS = 16, 40


@pytest.fixture
def busy_interpreter() -> Iterator[None]:
    """Threads change places as often as can be."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("busy_interpreter")
def test_blocks_that_end_just_as_their_time_is_over_hold_up_nobody() -> None:
    deadlines, strays, chance = Deadlines(), [], random.Random(7)
    ends = [chance.uniform(-0.0005, 0.0005) for _ in range(ROUNDS)]

    def work() -> None:
        try:
            for difference in ends:
                try:
                    with deadlines.within(0.01):
                        end = time.monotonic() + 0.01 + difference
                        while time.monotonic() < end:
                            time.sleep(0.0005)
                except JobTimeout:
                    pass
                # Nothing is raised out here.
                for _ in range(100):
                    time.monotonic()
        except JobTimeout as error:
            strays.append(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    wait_until(lambda: not any(thread.is_alive() for thread in threads), timeout=60, what="all blocks to end")
    assert strays == []
    wait_until(lambda: not deadlines._watched, what="the watching to end")


def test_a_block_that_loses_to_its_deadline_waits_for_the_error_and_takes_it_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[object] = []
    on_its_way = threading.Event()

    def raise_in(thread: int, error: object) -> None:
        if error is not None:
            on_its_way.wait(10)
        told.append(error)

    monkeypatch.setattr(timeouts, "_raise_in", raise_in)
    block = Block(Deadlines(), 60)
    expiring = threading.Thread(target=block.expire)
    expiring.start()
    wait_until(lambda: block.is_over, what="the deadline to win")
    threading.Timer(0.05, on_its_way.set).start()
    block.__exit__()
    assert told == [JobTimeout, None]
    expiring.join()


def test_a_block_that_ended_in_time_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(timeouts, "_raise_in", lambda thread, error: told.append(error))
    block = Block(Deadlines(), 60)
    block.__exit__()
    block.expire()
    assert told == []


def test_of_blocks_within_one_another_the_first_that_is_over_ends() -> None:
    deadlines = Deadlines()
    with deadlines.within(60), pytest.raises(JobTimeout), deadlines.within(0.02):
        wait_until(lambda: False, timeout=20)
    with pytest.raises(JobTimeout), deadlines.within(0.02), deadlines.within(60):
        wait_until(lambda: False, timeout=20)
