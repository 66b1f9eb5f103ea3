"""What is counted of a limiter, and that it costs no round trip."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shiftboss import limiters
from shiftboss.client import Shiftboss
from shiftboss.limiters import ConcurrentLimiter, Limiter, OverLimit, Totals, concurrent, find, remove, unlimited
from shiftboss.limiters import counting as module
from shiftboss.limiters.counting import MOST, counting
from shiftboss.store import Store
from tests.backends import Backend
from tests.waiting import wait_until


def make(kind: str, size: int, interval: float, name: str = "x", **options: Any) -> Limiter:
    """One of each kind, whose units come back in so many seconds."""
    if kind == "points":
        return limiters.points(name, size, refill_per_second=size / interval, **options)
    return getattr(limiters, kind)(name, size, interval, **options)  # type: ignore[no-any-return]


KINDS = ["bucket", "window", "leaky", "points"]
# Where each call is not made by a user of its own.
together = pytest.mark.backends("fake", "embedded", "redis", "cluster")
real = pytest.mark.backends("embedded", "redis", "cluster")


@pytest.mark.parametrize("kind", KINDS)
def test_it_counts_who_was_admitted_at_once_who_waited_and_who_was_refused(client: Shiftboss, kind: str) -> None:
    limiter = make(kind, 2, 0.4, wait_timeout=5)
    for _ in range(3):
        limiter.acquire()
    refused = make(kind, 1, 1000, name="refused", wait_timeout=0)
    refused.acquire()
    with pytest.raises(OverLimit):
        refused.acquire()
    totals = limiter.counters()
    assert totals.admitted == totals.immediate + totals.waited == 3
    assert totals.wait_seconds > 0 if totals.waited else totals.wait_seconds == 0
    assert refused.counters() == Totals(admitted=1, immediate=1, over_limit=1)


def test_a_concurrent_limiter_counts_how_long_it_was_held_and_who_outlived_the_lease(client: Shiftboss) -> None:
    limiter = concurrent("held", 1, lock_timeout=0.05, wait_timeout=5)
    first = limiter.acquire()
    second = limiter.acquire()  # waits for the end of the first one's lease
    assert not first.release()
    second.release()
    totals = limiter.counters()
    assert (totals.admitted, totals.immediate, totals.waited) == (2, 1, 1)
    assert (totals.reclaimed, totals.over_limit) == (1, 0)
    assert totals.overages >= 1
    assert totals.wait_seconds >= 0.04
    assert totals.held_seconds >= 0.05


def test_history_has_the_minutes_in_which_something_was_counted(client: Shiftboss) -> None:
    limiter = make("bucket", 1, 1000, wait_timeout=0)
    before = datetime.now(UTC) - timedelta(minutes=1)
    limiter.acquire()
    limiter.try_acquire()
    minutes = limiter.history()
    assert sum(one.admitted for one in minutes) == 1
    assert sum(one.over_limit for one in minutes) == 1
    assert all(before < one.at < before + timedelta(minutes=3) and one.at.second == 0 for one in minutes)
    assert limiter.history(minutes=480) == minutes


@pytest.mark.parametrize("minutes", [0, 481, -1, 1.5, "5", None, True])
def test_a_history_is_of_one_to_480_minutes(client: Shiftboss, minutes: Any) -> None:
    with pytest.raises(ValueError, match="expected minutes to be a whole number from 1 to 480"):
        make("bucket", 1, 1).history(minutes)


@pytest.fixture
def exchanges(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The names of the calls in each round trip."""
    seen, send = list[list[str]](), Store._send

    def note(store: Store, calls: Any, timeout: float | None) -> Any:
        seen.append([call.name for call in calls])
        return send(store, calls, timeout)

    monkeypatch.setattr(Store, "_send", note)
    return seen


@together
@pytest.mark.parametrize("kind", KINDS)
def test_counting_takes_no_round_trip_of_its_own(
    client: Shiftboss, exchanges: list[list[str]], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limiter = make(kind, 1000, 1000, wait_timeout=0)
    limiter.acquire()
    exchanges.clear()
    for _ in range(10):
        limiter.acquire()
    monkeypatch.setattr(module, "EVERY", 0.0)
    for _ in range(10):
        limiter.acquire()
    assert len(exchanges) == 20
    assert sum("limiters/count" in one for one in exchanges[:10]) <= 1
    assert all("limiters/count" in one for one in exchanges[10:])
    assert limiter.counters().admitted == 21


@pytest.mark.backends("fake", "embedded", "redis")
def test_a_slot_that_is_given_back_carries_the_counts(client: Shiftboss, exchanges: list[list[str]]) -> None:
    limiter = concurrent("slots", 3)
    counting(client)._sent = -1e9
    with limiter.within_limit():
        pass
    assert [one for one in exchanges if "limiters/register" not in one] == [
        ["limiters/acquire"],
        ["limiters/release", "limiters/count"],
    ]


@pytest.mark.backends("fake", "embedded", "redis")  # in a cluster they may be of another node
def test_others_counts_are_carried_too(client: Shiftboss, monkeypatch: pytest.MonkeyPatch) -> None:
    many = [make("bucket", 5, 1000, name=f"b{n}") for n in range(5)]
    for one in many:
        one.acquire()
    monkeypatch.setattr(module, "EVERY", 0.0)
    make("bucket", 5, 1000, name="last").acquire()
    assert counting(client).of(many[0]) == []


@pytest.mark.asyncio
async def test_coroutines_count_too(aclient: Shiftboss) -> None:
    limiter = make("leaky", 2, 1000, wait_timeout=0)
    for _ in range(3):
        await limiter.atry_acquire()
    slots = concurrent("aslots", 1)
    async with slots.within_limit():
        pass
    totals = await limiter.acounters()
    assert (totals.admitted, totals.over_limit) == (2, 1)
    assert (await slots.acounters()).admitted == 1
    assert sum(one.admitted for one in await limiter.ahistory()) == 2


def test_all_processes_count_together(client: Shiftboss, new_client: Callable[..., Shiftboss]) -> None:
    limiter = make("window", 10, 1000)
    for one in (client, new_client()):
        with one:
            limiter.acquire()
            assert limiter.counters().admitted >= 1
    assert limiter.counters().admitted == 2


@real
def test_a_process_that_ends_leaves_its_counts(backend: Backend, client: Shiftboss) -> None:
    text = (
        "import sys; from shiftboss import Shiftboss, limiters\n"
        "client = Shiftboss(sys.argv[1], namespace=sys.argv[2])\n"
        "limiters.bucket('ended', 5, 1000, client=client).acquire()"
    )
    subprocess.run([sys.executable, "-c", text, client.settings.url, client.namespace], check=True, timeout=60)
    found = find("ended")
    assert isinstance(found, Limiter)
    assert found.counters().admitted == 1


def test_a_client_that_is_dropped_sends_its_counts(client: Shiftboss, backend: Backend) -> None:
    other, limiter = Shiftboss(backend.url), make("bucket", 5, 1000)
    with other:
        limiter.acquire()
    del other
    gc.collect()
    wait_until(lambda: limiter.counters().admitted == 1, what="its counts")


def test_a_client_is_not_asked_to_send_by_the_thread_that_drops_it(
    client: Shiftboss, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The collector may drop it in the midst of anything: whoever holds a lock that sending needs would wait for ever."""
    other, limiter, senders = Shiftboss(backend.url), make("bucket", 5, 1000), set[int | None]()
    send = Store.run_many

    def seen(*args: Any, **named: Any) -> Any:
        senders.add(threading.get_ident())
        return send(*args, **named)

    with other:
        limiter.acquire()
    monkeypatch.setattr(Store, "run_many", seen)
    del other
    gc.collect()
    wait_until(lambda: bool(senders), what="somebody to send")
    assert threading.get_ident() not in senders


def test_sending_at_the_end_is_no_matter_when_redis_is_away() -> None:
    gone = Shiftboss("redis://127.0.0.1:1/0")
    counting(gone).refuse(make("bucket", 1, 1))
    alive = weakref.ref(gone)
    del gone
    gc.collect()
    assert alive() is None


def test_counts_outlive_a_reset_and_not_a_removal(client: Shiftboss) -> None:
    limiter = make("bucket", 5, 1000)
    limiter.acquire()
    limiter.reset()
    assert limiter.counters().admitted == 1
    limiter.acquire()
    remove(limiter)
    assert limiter.counters() == Totals()
    assert limiter.history() == []


def test_what_is_counted_takes_little_and_ends(client: Shiftboss, backend: Backend) -> None:
    limiter = concurrent("small", 1)
    with limiter.within_limit():
        limiter.try_acquire()
    limiter.counters()
    keys = limiter._counts(client)
    plain = backend.raw
    assert plain.pttl(keys.counts) > 0
    assert 0 < plain.pttl(keys.minutes) <= 8 * 3_600_000
    if backend.name not in ("fake", "acl"):
        assert plain.memory_usage(keys.counts) < 1000
        assert plain.memory_usage(keys.minutes) < 1000


def test_a_process_keeps_counts_of_a_bounded_number_of_limiters(
    client: Shiftboss, monkeypatch: pytest.MonkeyPatch
) -> None:
    mine = counting(client)
    for n in range(MOST + 10):
        mine.refuse(concurrent(f"n{n}", 1))
    assert len(mine.all()) == MOST


def test_unlimited_has_the_same_interface_and_counts_nothing() -> None:
    free = unlimited()
    free.acquire()
    assert free.counters() == Totals()
    assert free.history() == []


def test_a_limiter_that_all_gives_has_its_counters(client: Shiftboss) -> None:
    with concurrent("listed", 1).within_limit():
        pass
    found = find("listed")
    assert isinstance(found, ConcurrentLimiter)
    assert found.counters().admitted == 1
