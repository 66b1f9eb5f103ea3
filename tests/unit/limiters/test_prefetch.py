"""Lease blocks of a window: one call for many units, and still never one too many."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftboss import ConfigError, Shiftboss, limiters
from shiftboss.limiters import Limiter, prefetch
from shiftboss.store import Store

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_numbers = count()


@contextmanager
def moved_by_hand() -> Iterator[time_machine.Traveller]:
    """The server's clock and this process's own, which the traveller would leave alone."""
    with time_machine.travel(START, tick=False) as traveller, pytest.MonkeyPatch.context() as patch:
        patch.setattr("time.monotonic", time.time)
        yield traveller


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with moved_by_hand() as traveller:
        yield traveller


@pytest.fixture
def client(clock: time_machine.Traveller) -> Iterator[Shiftboss]:
    with Shiftboss(f"fake://prefetch-{next(_numbers)}") as client:
        yield client


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The calls that went to Redis."""
    seen, send = list[Any](), Store._send

    def note(store: Store, calls: Any, timeout: float | None) -> Any:
        seen.extend(calls)
        return send(store, calls, timeout)

    monkeypatch.setattr(Store, "_send", note)
    return seen


def give_back_all() -> None:
    """What the end of a process does."""
    for client, shelves in list(prefetch._shelves.items()):
        client.store.run_many(prefetch.leftovers(shelves))


def block(size: int = 1_000, prefetch: int = 100, **options: Any) -> Limiter:
    return limiters.window("w", size, 60, prefetch=prefetch, wait_timeout=0, **options)


def test_a_busy_process_asks_once_for_many_units(client: Shiftboss, sent: list[Any]) -> None:
    limiter = block()
    assert all(limiter.try_acquire() for _ in range(1_000))
    assert len(sent) < 40
    assert limiter.try_acquire() is None
    assert limiter.peek().used == 1_000


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 1), st.integers(1, 3), st.booleans()), max_size=150),
    st.integers(3, 20),
    st.sampled_from([0, 3]),
)
def test_processes_with_blocks_never_exceed_the_limit_in_any_window(
    steps: list[tuple[int, int, int, bool]], limit: int, others: int
) -> None:
    """Two processes on one server, of which one may take no blocks; pauses of up to 30 ms are many holds of 10 ms in a window
    of one second.
    """
    url = f"fake://prefetch-{next(_numbers)}"
    with moved_by_hand() as traveller:
        clients = Shiftboss(url), Shiftboss(url)
        windows = [limiters.window("w", limit, 1, prefetch=most, wait_timeout=0) for most in (3, others)]
        now, admitted = 0, list[int]()
        for pause, process, cost, pauses in steps:
            now += pause if pauses else 0
            traveller.move_to(START + timedelta(milliseconds=now), tick=False)
            with clients[process]:
                if windows[process].try_acquire(cost) is not None:
                    admitted += [now] * cost
        for first, last in zip(admitted, admitted[limit:], strict=False):
            assert last - first >= 1_000


def test_what_was_not_spent_in_time_goes_back_at_the_next_call(
    client: Shiftboss, clock: time_machine.Traveller
) -> None:
    limiter = block()
    for _ in range(40):
        limiter.acquire()
    assert limiter.peek().used > 40
    clock.shift(1)
    limiter.acquire(100)
    assert limiter.peek().used == 140


def test_what_was_not_spent_goes_back_at_exit(client: Shiftboss) -> None:
    limiter = block()
    for _ in range(40):
        limiter.acquire()
    assert limiter.peek().used > 40
    give_back_all()
    assert limiter.peek().used == 40


def test_a_slow_process_takes_few(client: Shiftboss, clock: time_machine.Traveller) -> None:
    limiter = block()
    for _ in range(10):
        limiter.acquire()
        clock.shift(1)
    assert limiter.peek().used <= 11


def test_the_last_units_are_given_one_by_one(client: Shiftboss) -> None:
    limiter, other = block(10, 8), Shiftboss(client.settings.url)
    given = 0
    for n in range(20):
        with client if n % 2 else other:
            given += limiter.try_acquire() is not None
    give_back_all()
    with other:
        while limiter.try_acquire():
            given += 1
    assert given == 10


def test_a_process_has_blocks_of_a_bounded_number_of_limiters(
    client: Shiftboss, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(prefetch, "MOST", 3)
    names = [f"customer-{n}" for n in range(5)]
    for _ in range(8):
        for name in names:
            limiters.window(name, 100, 60, prefetch=10, wait_timeout=0).acquire()
    assert len(prefetch._shelves[client]) == 3
    assert all(limiters.window(name, 100, 60).peek().used >= 8 for name in names)


def test_reset_forgets_the_block(client: Shiftboss) -> None:
    limiter = block(100, 100)
    for _ in range(30):
        limiter.acquire()
    limiter.reset()
    assert sum(limiter.try_acquire() is not None for _ in range(150)) == 100


def test_all_of_gives_units_of_a_block_back_when_a_later_one_refuses(client: Shiftboss) -> None:
    limiter = block(100, 10)
    for _ in range(5):
        limiter.acquire()
    both = limiters.all_of(limiter, limiters.window("full", 1, 60, wait_timeout=0))
    assert both.try_acquire() is not None
    assert both.try_acquire() is None
    give_back_all()
    assert limiter.peek().used == 6


@pytest.mark.asyncio
async def test_coroutines_share_the_block(clock: time_machine.Traveller) -> None:
    async with Shiftboss(f"fake://prefetch-{next(_numbers)}") as client:
        limiter = block(50, 20)
        given = [await limiter.atry_acquire() is not None for _ in range(60)]
        assert given == [True] * 50 + [False] * 10
        await client.aclose()


@pytest.mark.parametrize("prefetch", [-1, 1.5, True, 1_001, 101, "5"])
def test_a_prefetch_that_cannot_be_right_is_refused(prefetch: Any) -> None:
    with pytest.raises(ConfigError, match="prefetch"):
        block(100 if prefetch == 101 else 5_000, prefetch)


def test_a_pickled_limiter_keeps_its_prefetch() -> None:
    assert pickle.loads(pickle.dumps(block())) == block()
