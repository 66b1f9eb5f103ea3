"""What every kind of limiter has in common, and what others' limiters got wrong."""

from __future__ import annotations

import math
import pickle
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any
from unittest.mock import MagicMock

import pytest
import time_machine

from shiftboss import ConfigError, Shiftboss, job, keys, limiters
from shiftboss.client import current_client
from shiftboss.limiters import Limiter, LimiterState, OverLimit, calls
from shiftboss.limiters.registry import MOST, _written
from shiftboss.store import Store, command

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
KINDS = ["concurrent", "bucket", "window", "leaky", "points"]
_numbers = count()


def make(kind: str, size: int = 5, interval: float = 60, name: str = "x", **options: Any) -> Limiter:
    if kind == "concurrent":
        return limiters.concurrent(name, size, **options)
    if kind == "points":
        return limiters.points(name, size, refill_per_second=size / interval, **options)
    return getattr(limiters, kind)(name, size, interval, **options)  # type: ignore[no-any-return]


@pytest.fixture
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(START, tick=False) as traveller, Shiftboss(f"fake://surface-{next(_numbers)}"):
        yield traveller


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("option", ["wait_timeout", "ttl"])
@pytest.mark.parametrize("value", [-1, math.nan, math.inf, "5", None, True, timedelta(-1)])
def test_a_timeout_that_cannot_be_is_refused_without_a_round_trip(kind: str, option: str, value: Any) -> None:
    with pytest.raises(ConfigError, match=option):
        make(kind, **{option: value})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["", "a b", "a{b}", "é", "x" * 129, None, 5])
def test_a_name_that_cannot_be_is_refused_without_a_round_trip(kind: str, name: Any) -> None:
    with pytest.raises(ConfigError, match="expected a limiter's name"):
        make(kind, name=name)


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_names_the_limiter(clock: time_machine.Traveller, kind: str) -> None:
    limiter = make(kind, 1, name="shopify", wait_timeout=0)
    limiter.acquire()
    with pytest.raises(OverLimit, match="'shopify'") as refused:
        limiter.acquire()
    assert refused.value.limiter == "shopify"
    assert refused.value.source == limiter
    assert refused.value.retry_after is not None


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_says_how_the_limiter_was_used_when_it_refused(clock: time_machine.Traveller, kind: str) -> None:
    limiter = make(kind, 5, wait_timeout=0)
    for _ in range(4):
        limiter.acquire()
    if kind == "concurrent":
        limiter.acquire()
    with pytest.raises(OverLimit) as refused:
        limiter.acquire(cost=1 if kind == "concurrent" else 3)
    state = pickle.loads(pickle.dumps(refused.value)).state
    assert state == limiter.peek()
    assert (state.used, state.remaining, state.waiting) == ((5, 0, 0) if kind == "concurrent" else (4, 1, 0))
    assert state.reset_at is not None


@pytest.mark.parametrize("kind", ["bucket", "window", "leaky", "points"])
def test_an_error_says_how_many_units_others_have_reserved(
    clock: time_machine.Traveller, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[LimiterState | None] = []

    def refuse(_: float) -> None:
        """While somebody waits."""
        with pytest.raises(OverLimit) as refused:
            make(kind, 4, wait_timeout=0).acquire()
        seen.append(refused.value.state)
        assert seen[-1] == make(kind, 4).peek()

    limiter = make(kind, 4, wait_timeout=100)
    limiter.acquire(3)
    monkeypatch.setattr("time.sleep", refuse)
    limiter.acquire(2)
    assert [state and state.waiting for state in seen] == [2 if kind in {"bucket", "window"} else 1]


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_in_the_block_passes_through_and_limiters_nest(clock: time_machine.Traveller, kind: str) -> None:
    outer, inner = make(kind, name="outer"), make(kind, name="inner")
    with pytest.raises(KeyError), outer.within_limit(), inner.within_limit():
        assert (outer.peek().used, inner.peek().used) == (1, 1)
        raise KeyError
    assert outer.peek().used == (0 if kind == "concurrent" else 1)


@pytest.mark.parametrize("kind", KINDS)
def test_giving_back_twice_is_once(clock: time_machine.Traveller, kind: str) -> None:
    limiter = make(kind)
    held = limiter.acquire()
    assert held.release() is (kind == "concurrent")
    assert held.release() is False
    assert limiter.peek().used == (0 if kind == "concurrent" else 1)


def test_a_hundred_waiters_at_300_a_minute_are_all_admitted_in_their_order(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("shiftboss.plan.time.sleep", slept.append)
    limiter = limiters.leaky("calls", 1, 0.2, wait_timeout=300)
    for _ in range(101):
        limiter.acquire()
    assert slept == pytest.approx([0.2 * n for n in range(1, 101)], abs=0.001)


@pytest.mark.parametrize("kind", ["leaky", "points"])
def test_what_comes_back_in_parts_of_a_second_is_not_rounded_to_seconds(
    clock: time_machine.Traveller, kind: str
) -> None:
    limiter, admitted = make(kind, 3, 2, wait_timeout=0), 0
    for _ in range(1_200):
        admitted += limiter.try_acquire() is not None
        clock.shift(0.01)
    assert 3 + 17 <= admitted <= 3 + 18


def test_units_are_given_back_though_the_server_stood_still_between_two_looks_at_its_clock(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = limiters.leaky("x", 1, 60, wait_timeout=100)
    limiter.acquire()
    store = current_client().store

    def interrupt(_: float) -> None:
        """After a script has set its key some milliseconds later than it had reckoned."""
        key = limiter.key(current_client())
        owed = store.run(command("GET", [key], [], int))
        store.run(command("SET", [key], [owed + 30_000, "PX", owed // 1000 + 30], bool))
        raise KeyboardInterrupt

    monkeypatch.setattr("shiftboss.plan.time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        limiter.acquire()
    assert limiter.peek().waiting <= 1  # the part of a unit that was added
    assert (limiter.peek().reset_after or 0) < 61


def test_no_caller_comes_at_the_same_instant_as_another(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    monkeypatch.setattr("shiftboss.plan.time.sleep", slept.append)
    limiter = limiters.leaky("x", 1, 1, wait_timeout=60)
    for _ in range(20):
        limiter.acquire()
    assert len(set(slept)) == 19


def test_a_limiter_for_each_of_very_many_costs_nothing_until_it_is_used(clock: time_machine.Traveller) -> None:
    client = current_client()
    for n in range(10_000):
        limiters.window(f"sms-{n}", 5, "minute")
    assert list(limiters.all()) == []
    assert len(_written.get(client, {})) == 0 < MOST


def test_of_names_that_come_and_go_only_those_in_use_stay_listed(clock: time_machine.Traveller) -> None:
    client = current_client()
    for n in range(200):
        limiters.window(f"old-{n}", 5, "minute", ttl=60).acquire()
    for n in range(100):
        limiters.window(f"kept-{n}", 5, "minute").acquire()
    clock.shift(timedelta(days=3))
    for n in range(300):
        limiters.window(f"new-{n}", 5, "minute", ttl=60).acquire()
    entries = client.store.run(command("HKEYS", [keys.limiters(client.namespace)], [], list))
    assert len([name for name in entries if name.startswith((b"kept-", b"new-"))]) == 400
    assert len(entries) < 450  # nobody has listed them, and some 200 were forgotten


@pytest.mark.parametrize("kind", KINDS)
def test_a_limiter_says_when_something_comes_free(clock: time_machine.Traveller, kind: str) -> None:
    limiter = make(kind, 5, 60, **({"lock_timeout": 60} if kind == "concurrent" else {}))
    assert (limiter.peek().reset_after, limiter.peek().reset_at) == (None, None)
    limiter.acquire()
    state = limiter.peek()
    assert state.reset_after == (12 if kind in ("leaky", "points") else 60)
    assert state.reset_at == START + timedelta(seconds=state.reset_after)


def listed(name: str) -> Limiter:
    found = limiters.find(name)
    assert found is not None
    return found


def test_a_new_definition_is_listed_at_once_and_one_that_was_costs_no_round_trip(
    clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    small, large = make("concurrent", 5, wait_timeout=0), make("concurrent", 50, wait_timeout=0)
    small.acquire().release()
    assert listed("x").size == 5
    large.acquire().release()
    assert listed("x").size == 50
    seen, send = list[Any](), Store._send

    def note(store: Store, calls: Any, timeout: float | None) -> Any:
        seen.extend(calls)
        return send(store, calls, timeout)

    monkeypatch.setattr(Store, "_send", note)
    for _ in range(3):  # what a job makes anew for each of its runs
        for size in (5, 50):
            limiters.concurrent("x", size, wait_timeout=0, backoff=lambda *_: 1.0).acquire().release()
    assert len(seen) == 12


def test_a_definition_of_a_newer_release_is_listed_without_what_this_one_does_not_know(
    clock: time_machine.Traveller,
) -> None:
    make("window", 7, wait_timeout=0).acquire()
    key, client = keys.limiters(current_client().namespace), current_client()
    text = client.store.run(calls.entry(key, "x"))
    assert text is not None
    client.store.run(command("HSET", [key], ["x", text.replace('{"', '{"burst":9,"', 1)], int))
    assert [one.size for one in limiters.all()] == [7]
    assert listed("x").peek().used == 1


@pytest.mark.parametrize("kind", ["bucket", "window", "leaky", "points"])
def test_wait_timeouts_belong_to_the_caller_and_not_to_the_limiter(clock: time_machine.Traveller, kind: str) -> None:
    make(kind, 1, 60).acquire()
    for wait in (0, 0.001, 0.5, timedelta(seconds=1)):
        with pytest.raises(OverLimit):
            make(kind, 1, 60, wait_timeout=wait).acquire()
    assert make(kind, 1, 60).peek().used == 1


def test_unlimited_is_used_like_any_other() -> None:
    free = limiters.unlimited("x", 5, refill_per_second=3)
    with free.within_limit(cost=120) as grant:
        grant.correct(87)
    assert free.acquire(10**9).release() is False
    assert limiters.all_of(free, free).try_acquire() is not None
    free.reset()
    assert free.peek().used == 0


def test_a_generator_function_is_not_decorated(clock: time_machine.Traveller) -> None:
    """It would run after the limit was given back."""

    def numbers() -> Iterator[int]:
        yield 1

    async def anumbers() -> AsyncIterator[int]:
        yield 1

    for limiter in (make("concurrent", 1), make("window", 1), limiters.all_of(make("leaky", 1)), limiters.unlimited()):
        with pytest.raises(
            ConfigError, match=r"generator function 'numbers'.*; write with limiter\.within_limit\(\): inside"
        ):
            limiter.limit(numbers)
        with pytest.raises(ConfigError, match=r"'anumbers'.*write async with limiter\.within_limit\(\): inside it$"):
            limiter.limit(anumbers)


class Awaited:
    """A callable that is no coroutine function and returns a coroutine all the same."""

    def __init__(self, limiter: Limiter) -> None:
        self.limiter = limiter

    async def __call__(self) -> int:
        return self.limiter.peek().used


@pytest.mark.asyncio
async def test_an_object_whose_call_is_a_coroutine_is_within_the_limit_until_that_ends(
    clock: time_machine.Traveller,
) -> None:
    limiter = make("concurrent", 1)
    assert await limiter.limit(Awaited(limiter))() == 1
    assert limiter.peek().used == 0


@pytest.mark.parametrize("function", [5, None, "name"])
def test_what_is_no_function_is_not_decorated(clock: time_machine.Traveller, function: Any) -> None:
    with pytest.raises(ConfigError, match="expected limit to be given a function, got"):
        make("bucket").limit(function)


def test_a_job_is_not_decorated_for_it_could_not_be_pushed_any_more(clock: time_machine.Traveller) -> None:
    @job
    def resize() -> None: ...

    with pytest.raises(
        ConfigError, match=r"cannot limit 'resize', which is a job already; put the limiter's decorator under"
    ):
        make("bucket").limit(resize)
    job(make("bucket").limit(lambda: None), name="resized")
    make("bucket").limit(MagicMock(__name__="stand-in"))()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("client", ["redis://localhost/0", 5])
def test_a_client_that_is_none_is_refused(kind: str, client: Any) -> None:
    with pytest.raises(ConfigError, match="expected client to be a Shiftboss client"):
        make(kind, client=client)


def test_a_name_is_no_limiter_to_remove(clock: time_machine.Traveller) -> None:
    with pytest.raises(ConfigError, match=r"as limiters.find\(name\) has it, got 'erp'"):
        limiters.remove("erp")  # type: ignore[arg-type]


def test_a_decorated_function_that_is_refused_is_not_called(clock: time_machine.Traveller) -> None:
    called: list[int] = []
    for kind in KINDS[1:]:
        once = make(kind, 1, name=kind, wait_timeout=0, policy="skip").limit(called.append)
        once(1)
        once(2)
    assert called == [1] * 4
