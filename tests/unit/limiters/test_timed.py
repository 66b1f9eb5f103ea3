"""Limiters that count by time, on a clock that the test moves: what they admit, to the microsecond, against plain models."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from itertools import count

import pytest
import time_machine
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftboss import Shiftboss, limiters
from shiftboss.client import current_client
from shiftboss.limiters import OverLimit, Permit
from shiftboss.plan import Plan

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
_numbers = count()


class World:
    """A server of its own, and its clock."""

    def __init__(self, traveller: time_machine.Traveller) -> None:
        self.traveller = traveller
        self.now = 0  # milliseconds since START

    def move(self, ms: int) -> None:
        self.now += ms
        self.traveller.move_to(START + timedelta(milliseconds=self.now), tick=False)


@pytest.fixture
def world() -> Iterator[World]:
    with time_machine.travel(START, tick=False) as traveller, Shiftboss(f"fake://timed-{next(_numbers)}"):
        yield World(traveller)


def perform(plan: Plan[None]) -> None:
    current_client().perform(plan)


arrivals = st.lists(st.tuples(st.integers(0, 700), st.integers(1, 4)), min_size=1, max_size=40)


@settings(max_examples=150, deadline=None)
@given(arrivals, st.integers(1, 6))
def test_a_window_never_admits_one_too_many_or_refuses_one_too_few(steps: list[tuple[int, int]], limit: int) -> None:
    with time_machine.travel(START, tick=False) as traveller, Shiftboss(f"fake://timed-{next(_numbers)}"):
        world, admitted = World(traveller), list[int]()
        limiter = limiters.window("w", limit, 1, wait_timeout=0)
        for pause, cost in steps:
            world.move(pause)
            if cost > limit:
                continue
            live = [at for at in admitted if at > world.now - 1000]
            expected = len(live) + cost <= limit
            assert (limiter.try_acquire(cost) is not None) is expected
            if expected:
                admitted += [world.now] * cost


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(1, 4), st.just(0) | st.integers(0, 3000)), max_size=40),
    st.integers(1, 6),
)
def test_a_window_is_exact_though_the_servers_clock_is_set_back(steps: list[tuple[int, int, int]], limit: int) -> None:
    """What was taken stays as old as it was, or a hundredth of the window younger: it may be of one who holds it for so long.
    How long nobody had come before the clock was set is not to be known; nor is what had passed before, and was dropped.
    """
    with time_machine.travel(START, tick=False) as traveller, Shiftboss(f"fake://timed-{next(_numbers)}"):
        world, known, true, admitted = World(traveller), list[int](), 0, list[int]()
        limiter = limiters.window("w", limit, 1, wait_timeout=0)
        for pause, cost, back in steps:
            true += pause
            world.move(pause - back)
            if cost > limit:
                continue
            step = max(0, max(known, default=world.now) - world.now - 10)
            known = [at - step for at in known]
            given = limiter.try_acquire(cost) is not None
            assert given or sum(at > world.now - 1000 for at in known) + cost > limit
            if given:
                known += [max([world.now, *known])] * cost
                admitted += [true] * cost
        assert all(last - first >= 1000 for first, last in zip(admitted, admitted[limit:], strict=False))


@settings(max_examples=100, deadline=None)
@given(arrivals, st.integers(4, 6))
def test_a_window_says_exactly_when_there_is_room(steps: list[tuple[int, int]], limit: int) -> None:
    with time_machine.travel(START, tick=False) as traveller, Shiftboss(f"fake://timed-{next(_numbers)}"):
        world = World(traveller)
        limiter = limiters.window("w", limit, 1, wait_timeout=0)
        for pause, cost in steps:
            world.move(pause)
            if limiter.try_acquire(cost) is not None:
                continue
            with pytest.raises(OverLimit) as refused:
                limiter.acquire(cost)
            assert refused.value.retry_after is not None
            ms = round(refused.value.retry_after * 1000)
            assert 0 < ms <= 1000
            world.move(ms - 1)
            assert limiter.try_acquire(cost) is None
            world.move(1)
            assert limiter.try_acquire(cost) is not None


@settings(max_examples=150, deadline=None)
@given(arrivals, st.integers(4, 10), st.sampled_from([100, 250, 333]))
def test_what_drips_is_a_token_bucket_to_the_millisecond(steps: list[tuple[int, int]], size: int, unit: int) -> None:
    """At no instant does it admit more than the burst and what has come since, nor a millisecond's worth less."""
    with time_machine.travel(START, tick=False) as traveller, Shiftboss(f"fake://timed-{next(_numbers)}"):
        world, owed, last = World(traveller), Fraction(0), 0
        limiter = limiters.leaky("l", size, unit * size / 1000, wait_timeout=0)
        for pause, cost in steps:
            world.move(pause)
            owed, last = max(Fraction(0), owed - (world.now - last)), world.now
            room = size * unit - owed - cost * unit
            admitted = limiter.try_acquire(cost) is not None
            if abs(room) > 1:
                assert admitted is (room >= 0)
            if admitted:
                owed += cost * unit


@settings(max_examples=150, deadline=None)
@given(arrivals, st.integers(4, 8))
def test_a_bucket_is_full_again_at_each_period_of_the_clock(steps: list[tuple[int, int]], limit: int) -> None:
    with time_machine.travel(START, tick=False) as traveller, Shiftboss(f"fake://timed-{next(_numbers)}"):
        world, used = World(traveller), dict[int, int]()
        limiter = limiters.bucket("b", limit, 1, wait_timeout=0)
        for pause, cost in steps:
            world.move(pause)
            period = world.now // 1000
            if world.now % 1000 == 999 and period not in used:
                period += 1  # it cannot be kept for less than a millisecond
            expected = used.get(period, 0) + cost <= limit
            assert (limiter.try_acquire(cost) is not None) is expected
            if expected:
                used[period] = used.get(period, 0) + cost
            assert limiter.peek().used == used.get(period, 0)


def test_a_bucket_takes_back_only_what_nobody_has_reserved_after(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[int] = []
    monkeypatch.setattr("shiftboss.plan.time.sleep", lambda seconds: slept.append(round(seconds * 1000)))
    limiter = limiters.bucket("b", 5, 1, wait_timeout=20)
    permits = [limiter.acquire() for _ in range(25)]
    for permit in permits[5:15]:
        perform(permit.give_back())
    slept.clear()
    for _ in range(10):
        limiter.acquire()
    assert slept == [5000] * 5 + [6000] * 5
    late = [limiter.acquire() for _ in range(5)]
    for permit in reversed(late):
        perform(permit.give_back())
    slept.clear()
    limiter.acquire()
    assert slept == [7000]


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 700), st.integers(1, 4), st.none() | st.integers(0, 30)), max_size=40),
    st.integers(4, 6),
)
def test_no_period_of_a_bucket_has_too_many_whoever_gives_back(
    steps: list[tuple[int, int, int | None]], limit: int
) -> None:
    with (
        pytest.MonkeyPatch.context() as monkeypatch,
        time_machine.travel(START, tick=False) as traveller,
        Shiftboss(f"fake://timed-{next(_numbers)}"),
    ):
        slept: list[float] = []
        monkeypatch.setattr("shiftboss.plan.time.sleep", slept.append)
        world, taken = World(traveller), list[tuple[int, int, Permit]]()
        limiter = limiters.bucket("b", limit, 1, wait_timeout=9)
        for pause, cost, back in steps:
            world.move(pause)
            slept.clear()
            with suppress(OverLimit):
                permit = limiter.acquire(cost)
                taken.append((world.now + round(sum(slept) * 1000), cost, permit))
            if back is not None and back < len(taken):
                at, _, permit = taken[back]
                # Who was given units that are there at once gives them back, if ever, for another limiter's refusal.
                if at >= world.now:
                    permit.taken = replace(permit.taken, asked=time.monotonic())
                    perform(permit.give_back())
                    del taken[back]
        used = Counter[int]()
        for at, cost, _ in taken:
            used[(at + 1) // 1000] += cost
        assert all(units <= limit for units in used.values())


def test_a_bucket_admits_no_more_in_the_last_millisecond_of_a_period(world: World) -> None:
    limiter = limiters.bucket("b", 2, 1, wait_timeout=0)
    world.traveller.move_to(START + timedelta(milliseconds=999.5), tick=False)
    assert sum(limiter.try_acquire() is not None for _ in range(9)) == 2
    world.move(1000)
    assert sum(limiter.try_acquire() is not None for _ in range(9)) <= 2
    world.move(1000)
    assert sum(limiter.try_acquire() is not None for _ in range(9)) == 2


def test_a_bucket_of_which_later_periods_are_reserved_admits_no_more_in_the_last_millisecond(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shiftboss.plan.time.sleep", lambda _: None)
    patient, hasty = limiters.bucket("b", 2, 1, wait_timeout=9), limiters.bucket("b", 2, 1, wait_timeout=0)
    for _ in range(3):
        patient.acquire()
    world.traveller.move_to(START + timedelta(milliseconds=1999.5), tick=False)
    assert sum(hasty.try_acquire() is not None for _ in range(9)) <= 2
    world.move(2000)
    assert sum(hasty.try_acquire() is not None for _ in range(9)) <= 2


@pytest.mark.parametrize("kind", ["bucket", "window", "leaky"])
def test_waiters_reserve_their_units_and_come_first_come_first_served(
    world: World, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody sleeps here: what each would sleep is noted."""
    slept: list[int] = []
    monkeypatch.setattr("shiftboss.plan.time.sleep", lambda seconds: slept.append(round(seconds * 1000)))
    world.move(250)
    limiter = getattr(limiters, kind)("x", 2, 1, wait_timeout=5)
    for _ in range(7):
        limiter.acquire()
    assert slept == {"bucket": [750, 750, 1750, 1750, 2750], "window": [1000, 1000, 2000, 2000, 3000], "leaky": [500, 1000, 1500, 2000, 2500]}[kind]  # fmt: skip
    assert limiter.peek().waiting == 5
    world.move(5000)
    assert limiter.peek().used == 0


@pytest.mark.parametrize("kind", ["bucket", "window", "leaky"])
def test_a_wait_that_is_known_to_be_too_long_fails_at_once(world: World, kind: str) -> None:
    limiter = getattr(limiters, kind)("x", 1, 60, wait_timeout=5)
    limiter.acquire()
    with pytest.raises(OverLimit) as refused:
        limiter.acquire()
    assert (refused.value.limiter, round(refused.value.retry_after or 0)) == ("x", 60)
    assert "a unit of 1 come free in 60 s, longer than the 5 s that may be waited" in str(refused.value)
    assert limiter.peek().used == 1


@pytest.mark.parametrize("kind", ["bucket", "window", "leaky"])
def test_who_is_interrupted_while_it_waits_gives_its_units_back(
    world: World, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(seconds: float) -> None:
        raise KeyboardInterrupt

    limiter = getattr(limiters, kind)("x", 1, 1, wait_timeout=5)
    limiter.acquire()
    monkeypatch.setattr("shiftboss.plan.time.sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        limiter.acquire()
    assert limiter.peek().waiting == 0
    world.move(1000)
    assert limiter.try_acquire() is not None


@pytest.mark.parametrize("kind", ["bucket", "window", "leaky"])
def test_a_new_size_counts_from_the_next_decision_on(world: World, kind: str) -> None:
    make = getattr(limiters, kind)
    three, five = make("x", 3, 60, wait_timeout=0), make("x", 5, 60, wait_timeout=0)
    assert sum(three.try_acquire() is not None for _ in range(4)) == 3
    if kind != "leaky":  # whose drops then come faster, too
        assert sum(five.try_acquire() is not None for _ in range(4)) == 2
    assert three.try_acquire() is None
    world.move(120_000)
    assert sum(five.try_acquire() is not None for _ in range(6)) == 5
    assert make("x", 1, 60, wait_timeout=0).try_acquire() is None


def test_a_bucket_admits_twice_as_many_across_a_border_and_a_window_does_not(world: World) -> None:
    world.move(900)
    bucket = limiters.bucket("b", 5, "second", wait_timeout=0)
    window = limiters.window("w", 5, "second", wait_timeout=0)
    before = [sum(one.try_acquire() is not None for _ in range(9)) for one in (bucket, window)]
    world.move(200)
    after = [sum(one.try_acquire() is not None for _ in range(9)) for one in (bucket, window)]
    assert (before, after) == ([5, 5], [5, 0])


def test_leaky_with_a_drain_admits_a_burst_and_then_evenly(world: World) -> None:
    shopify = limiters.leaky("shopify", 40, "second", drain=2, wait_timeout=0)
    assert sum(shopify.try_acquire() is not None for _ in range(50)) == 40
    admitted = []
    for _ in range(30):
        world.move(100)
        admitted.append(shopify.try_acquire() is not None)
    assert [n for n, yes in enumerate(admitted, 1) if yes] == [5, 10, 15, 20, 25, 30]


def test_points_are_taken_by_estimate_and_corrected(world: World) -> None:
    graphql = limiters.points("graphql", 1000, refill_per_second=50, wait_timeout=0)
    with graphql.within_limit(cost=120) as grant:
        assert graphql.peek().remaining == 880
        assert grant.correct(87) == 913
        assert grant.correct(100) == 900
    world.move(1000)
    assert graphql.peek().remaining == 950
    with graphql.within_limit(cost=900) as grant:
        assert grant.correct(5000) == 0
    with pytest.raises(OverLimit) as refused:
        graphql.acquire(100)
    assert refused.value.retry_after == pytest.approx(2.0, abs=0.01)
    world.move(60_000)
    assert graphql.peek().remaining == 1000
    graphql.acquire().correct(0)
    assert graphql.peek().remaining == 1000


@pytest.mark.parametrize("per_ms", [1, 2, 5, 7])
def test_units_of_less_than_a_millisecond_are_limited_too(world: World, per_ms: int) -> None:
    limiter = limiters.leaky("l", 10, "second", drain=1000 * per_ms, wait_timeout=0)
    assert sum(limiter.try_acquire() is not None for _ in range(50)) == 10
    for _ in range(20):
        world.move(1)
        assert sum(limiter.try_acquire() is not None for _ in range(50)) == per_ms


def test_costs_of_less_than_a_millisecond_are_limited_too(world: World) -> None:
    limiter, admitted = limiters.points("p", 1000, refill_per_second=100_000, wait_timeout=0), 0
    for _ in range(100):
        while limiter.try_acquire(90) is not None:
            admitted += 90
        world.move(1)
    assert 1000 + 99 * 100 - 90 < admitted <= 1000 + 99 * 100


@pytest.mark.parametrize("rate", [700_000, 300_000, 3, 7.3])
def test_points_come_back_at_exactly_their_rate(world: World, rate: float) -> None:
    limiter = limiters.points("p", 1_000_000, refill_per_second=rate, wait_timeout=0)
    limiter.acquire(1_000_000)
    assert limiter.peek().remaining == 0
    world.move(500)
    assert limiter.peek().remaining == pytest.approx(rate / 2, abs=1)
    assert limiter.try_acquire(round(rate / 2) + 1) is None
    assert limiter.try_acquire(math.floor(rate / 2)) is not None


@pytest.mark.parametrize("rate", [700_000, 3, 7, 11.7])
def test_a_budget_is_taken_to_the_last_point_whatever_its_rate(world: World, rate: float) -> None:
    limiter = limiters.points("p", 1000, refill_per_second=rate, wait_timeout=0)
    for left in range(999, -1, -1):
        assert limiter.try_acquire() is not None
        assert limiter.peek().remaining == left
    assert limiter.try_acquire() is None


def test_the_servers_clock_that_is_set_back_keeps_what_is_owed_of_small_units(world: World) -> None:
    limiter = limiters.leaky("l", 5, "second", drain=2000, wait_timeout=0)
    world.move(3_600_000)
    while limiter.try_acquire() is not None:
        pass
    world.move(-3_600_000)
    assert sum(limiter.try_acquire() is not None for _ in range(50)) == 0
    world.move(1)
    assert sum(limiter.try_acquire() is not None for _ in range(50)) == 2


def test_a_correction_forgives_none_of_what_others_have_reserved(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shiftboss.plan.time.sleep", lambda _: None)
    graphql = limiters.points("graphql", 100, refill_per_second=10, wait_timeout=60)
    grants = [graphql.acquire(50) for _ in range(6)]
    assert graphql.peek().waiting == 200
    assert grants[0].correct(50) == 0
    assert grants[1].correct(90) == 0
    assert graphql.peek().waiting == 200
    assert grants[2].correct(20) == 0
    assert graphql.peek().waiting == 170


@pytest.mark.parametrize("kind", ["leaky", "points"])
def test_units_that_came_back_by_themselves_are_not_given_back_too(world: World, kind: str) -> None:
    """`all_of` gives them back when a later limiter refuses after a while."""
    more = {"refill_per_second": 2} if kind == "points" else {"interval": 2.5}
    limiter = getattr(limiters, kind)("x", 5, **more, wait_timeout=0)
    early = limiter.acquire()
    world.move(600)
    for _ in range(5):
        limiter.acquire()
    early.taken = replace(early.taken, asked=early.taken.asked - 0.6)
    perform(early.give_back())
    assert limiter.peek().remaining == 0


def test_units_are_given_back_where_nobody_has_reserved_after_them(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shiftboss.plan.time.sleep", lambda _: None)
    limiter = limiters.leaky("x", 1, 10, wait_timeout=100)
    _, second, third = (limiter.acquire() for _ in range(3))
    perform(second.give_back())
    assert limiter.peek().waiting == 2
    perform(third.give_back())
    assert limiter.peek().waiting == 1


def test_a_cost_above_the_limit_fails_at_once_and_says_so(world: World) -> None:
    for limiter in (limiters.bucket("b", 5, 1), limiters.window("w", 5, 1), limiters.leaky("l", 5, 1)):
        with pytest.raises(ValueError, match="a cost of 6 is above the limit of 5 and can never be admitted"):
            limiter.acquire(6)
    with pytest.raises(ValueError, match=r"a window admits at most 1,000 units in one call, got 1,001"):
        limiters.window("w", 5000, 1).acquire(1001)
    for cost in (0, -1, 1.5, "1", None, True):
        with pytest.raises(ValueError, match="expected cost to be a number of units"):
            limiters.bucket("b", 5, 1).acquire(cost)  # type: ignore[arg-type]


def test_a_refused_big_cost_does_not_block_small_ones(world: World) -> None:
    for limiter in (limiters.bucket("b", 5, 60, wait_timeout=0), limiters.window("w", 5, 60, wait_timeout=0)):
        limiter.acquire(3)
        assert limiter.try_acquire(3) is None
        assert limiter.try_acquire(2) is not None


def test_the_servers_clock_that_is_set_back_blocks_nobody_for_longer_than_the_period(world: World) -> None:
    world.move(3_600_000)
    bucket = limiters.bucket("b", 2, 10, wait_timeout=0)
    leaky = limiters.leaky("l", 2, 10, wait_timeout=0)
    for limiter in (bucket, leaky):
        while limiter.try_acquire() is not None:
            pass
    world.move(-3_600_000)
    for limiter in (bucket, leaky):
        with pytest.raises(OverLimit) as refused:
            limiter.acquire()
        assert refused.value.retry_after is not None
        assert refused.value.retry_after <= 10
    world.move(10_000)
    assert bucket.try_acquire() is not None
    assert leaky.try_acquire() is not None


def test_a_window_admits_no_more_when_the_servers_clock_is_set_back(world: World) -> None:
    world.move(3_600_000)
    window = limiters.window("w", 2, 10, wait_timeout=0)
    window.acquire()
    world.move(-3_600_000)
    assert window.try_acquire() is not None
    assert window.try_acquire() is None


def test_all_of_gives_back_what_it_took_when_a_later_one_refuses(world: World) -> None:
    window = limiters.window("w", 5, 60, wait_timeout=0)
    bucket = limiters.bucket("b", 5, 60, wait_timeout=0)
    leaky = limiters.leaky("l", 5, 60, wait_timeout=0)
    slots = limiters.concurrent("c", 1, wait_timeout=0)
    both = limiters.all_of(window, bucket, leaky, slots)
    world.move(500)  # what is taken at the very start of a period may be of the one before it, and stays taken
    assert both.name == "w+b+l+c"
    with both.within_limit():
        assert [one.peek().used for one in (window, bucket, leaky, slots)] == [1, 1, 1, 1]
        with pytest.raises(OverLimit) as refused:
            both.acquire()
        assert refused.value.limiter == "c"
        world.move(600)  # for as long as it was taken, a unit came back by itself
        assert [one.peek().used for one in (window, bucket, leaky, slots)] == [1, 1, 1, 1]
    assert [one.peek().used for one in (window, bucket, leaky, slots)] == [1, 1, 1, 0]


def test_all_of_nothing_or_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="needs at least one limiter"):
        limiters.all_of()
    with pytest.raises(ValueError, match="expected all_of to be given limiters, got 5"):
        limiters.all_of(5)  # type: ignore[arg-type]


def test_unlimited_takes_anything_and_needs_no_redis() -> None:
    free = limiters.unlimited("github", 5000, "hour", wait_timeout=3)
    with Shiftboss("redis://127.0.0.1:1/0"), free.within_limit(cost=10**9):
        assert free.try_acquire() is not None

    @free.limit
    def twice(n: int) -> int:
        return 2 * n

    assert twice(4) == 8


def test_a_name_stands_for_one_kind(world: World) -> None:
    limiters.bucket("x", 5, 1).acquire()
    with pytest.raises(
        ValueError, match=r"the name 'x' stands for a bucket limiter already; give this window limiter another"
    ):
        limiters.window("x", 5, 1).acquire()


@pytest.mark.parametrize("kind", ["bucket", "window", "leaky"])
@pytest.mark.parametrize("interval", ["minutes", 0, -1, math.nan, math.inf, None, True, 10**10, timedelta(0)])
def test_an_interval_that_cannot_be_is_refused_without_a_round_trip(kind: str, interval: object) -> None:
    with pytest.raises(ValueError, match="expected interval"):
        getattr(limiters, kind)("x", 5, interval)


@pytest.mark.parametrize("count_", [0, -1, 1.5, "3", None, True, 10**7])
def test_a_count_that_cannot_be_is_refused_without_a_round_trip(count_: object) -> None:
    for make in (limiters.bucket, limiters.window, limiters.leaky):
        with pytest.raises(ValueError, match="to be a whole number from 1 to 1,000,000"):
            make("x", count_, 1)  # type: ignore[operator]
    with pytest.raises(ValueError, match="to be a whole number from 1 to 1,000,000"):
        limiters.points("x", count_, refill_per_second=1)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [0, -1, math.nan, math.inf, None, True, "1", 10**7])
def test_a_rate_that_cannot_be_is_refused_without_a_round_trip(rate: object) -> None:
    with pytest.raises(ValueError, match="expected refill_per_second"):
        limiters.points("x", 5, refill_per_second=rate)  # type: ignore[arg-type]


def test_an_unknown_option_is_answered_with_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"unknown limiter option 'wait_timout'; did you mean 'wait_timeout'\?"):
        limiters.bucket("x", 5, 1, wait_timout=3)  # type: ignore[call-arg]


def test_time_passes_for_the_model_too(world: World) -> None:
    world.move(1500)
    assert time.time() == START.timestamp() + 1.5
