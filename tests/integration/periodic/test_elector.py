"""Who leads, on every backend: states, the trust window, failure rules."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest

from shiftboss import events
from shiftboss.client import Shiftboss
from shiftboss.errors import ConfigError
from shiftboss.keys import PeriodicKeys
from shiftboss.periodic import calls
from shiftboss.periodic.elector import Elector
from tests.backends import Backend
from tests.proxy import FaultProxy
from tests.waiting import wait_until

KEYS = PeriodicKeys("sb", "billing")
LEASE = 1_000


@pytest.fixture
def elector(client: Shiftboss) -> Iterator[Callable[..., Elector]]:
    """Makes electors of one schedule and starts them."""
    with ExitStack() as stack:

        def make(**options: object) -> Elector:
            elector = Elector(client, "billing", lease=1.0, **options)  # type: ignore[arg-type]
            stack.callback(elector.stop, 10)
            elector.start()
            return elector

        yield make


def leads(elector: Elector) -> Callable[[], bool]:
    return lambda: elector.term is not None


# The scripts.


def test_the_first_that_asks_leads_and_the_others_are_told_how_long(client: Shiftboss) -> None:
    first = client.store.run(calls.elect(KEYS, "a", LEASE))
    other = client.store.run(calls.elect(KEYS, "b", LEASE))
    assert (first.term, first.left) == (1, LEASE)
    assert other.term == 0
    assert 0 < other.left <= LEASE


def test_asking_again_renews_and_keeps_the_term(client: Shiftboss, backend: Backend) -> None:
    client.store.run(calls.elect(KEYS, "a", LEASE))
    backend.raw.pexpire(KEYS.leader, 200)
    assert client.store.run(calls.elect(KEYS, "a", LEASE)).term == 1
    assert backend.raw.pttl(KEYS.leader) > 200


def test_a_term_only_grows_even_when_the_lease_key_is_deleted(client: Shiftboss, backend: Backend) -> None:
    client.store.run(calls.elect(KEYS, "a", LEASE))
    backend.raw.delete(KEYS.leader)
    assert client.store.run(calls.elect(KEYS, "b", LEASE)).term == 2
    client.store.run(calls.resign(KEYS, "b", 2))
    assert client.store.run(calls.elect(KEYS, "a", LEASE)).term == 3


def test_resigning_takes_the_lead_from_nobody_else(client: Shiftboss) -> None:
    client.store.run(calls.elect(KEYS, "a", LEASE))
    assert not client.store.run(calls.resign(KEYS, "b", 1))
    assert not client.store.run(calls.resign(KEYS, "a", 7))
    assert client.store.run(calls.elect(KEYS, "a", LEASE)).term == 1
    assert client.store.run(calls.resign(KEYS, "a", 1))


def test_a_lease_that_a_clock_set_back_has_made_long_is_cut_to_what_it_was(client: Shiftboss, backend: Backend) -> None:
    client.store.run(calls.elect(KEYS, "a", LEASE))
    backend.raw.pexpire(KEYS.leader, 3_600_000)
    assert client.store.run(calls.elect(KEYS, "b", LEASE)).left == LEASE
    assert backend.raw.pttl(KEYS.leader) <= LEASE


# The states.


def test_one_leads_and_the_others_follow(elector: Callable[..., Elector]) -> None:
    first = elector()
    wait_until(leads(first))
    others = [elector(), elector()]
    time_of_two_leases = time.monotonic() + 2
    wait_until(lambda: time.monotonic() > time_of_two_leases or any(other.term for other in others))
    assert first.term is not None
    assert first.term.number == 1
    assert [other.term for other in others] == [None, None]


def test_clean_exit_resigns_and_a_follower_takes_over_without_waiting_for_the_lease(client: Shiftboss) -> None:
    first, second = (Elector(client, "billing", lease=60.0) for _ in range(2))
    first.start()
    wait_until(leads(first))
    second.start()
    wait_until(lambda: second._news is not None)
    try:
        first.stop(10)
        wait_until(leads(second), 5)
        assert second.term is not None
        assert second.term.number == 2
        assert first.term is None
    finally:
        second.stop(10)


def test_a_lead_that_is_taken_away_is_noticed_and_asked_for_again(
    elector: Callable[..., Elector], backend: Backend
) -> None:
    first = elector()
    deposed = first.deposed.listen()
    wait_until(leads(first))
    backend.raw.delete(KEYS.leader)
    assert deposed(10) == "its lease had ended"
    wait_until(lambda: first.term is not None and first.term.number == 2)


def test_a_refused_claim_ends_the_term_here_at_once(elector: Callable[..., Elector], backend: Backend) -> None:
    first = elector()
    wait_until(leads(first))
    term, deposed = first.term, first.deposed.listen()
    assert term is not None
    backend.raw.hset(KEYS.leader, mapping={"owner": "else", "term": 7})
    first.refuse(term)
    assert first.term is None
    assert deposed(10) == "a claim was refused"


def test_news_of_the_schedule_is_passed_on(client: Shiftboss, backend: Backend) -> None:
    heard: list[int] = []
    elector = Elector(client, "billing", lease=60.0, changed=lambda: heard.append(1))
    elector.start()
    try:
        wait_until(leads(elector))
        before = len(heard)
        backend.raw.publish(KEYS.channel, "changed")
        wait_until(lambda: len(heard) > before)
    finally:
        elector.stop(10)


def test_election_and_deposition_are_events(client: Shiftboss) -> None:
    heard: list[events.Event] = []
    end = events.subscribe(heard.append, "leader.elected", "leader.deposed")
    try:
        elector = Elector(client, "billing", lease=1.0)
        elector.start()
        wait_until(leads(elector))
        elector.stop(10)
        events.flush()
    finally:
        end()
    assert [(event.name, dict(event.data)) for event in heard] == [
        ("leader.elected", {"schedule": "billing", "term": 1}),
        ("leader.deposed", {"schedule": "billing", "term": 1, "reason": "it resigned"}),
    ]


@pytest.mark.parametrize("lease", [0.9, 0, -1, float("nan"), "15"])
@pytest.mark.backends("fake")
def test_a_lease_that_cannot_be_is_refused(client: Shiftboss, lease: float) -> None:
    with pytest.raises(ConfigError, match="expected lease to be"):
        Elector(client, "billing", lease=lease)


@pytest.mark.backends("fake")
def test_an_elector_may_be_stopped_before_it_started_and_twice(client: Shiftboss) -> None:
    elector = Elector(client, "billing")
    elector.stop(1)
    elector.start()
    elector.stop(1)
    assert elector.term is None


# Bad networks.


@contextmanager
def behind_a_proxy(backend: Backend, lease: float = 1.0) -> Iterator[tuple[FaultProxy, Elector]]:
    assert backend.process is not None
    with FaultProxy(backend.process.address) as proxy:
        client = Shiftboss(proxy.url)
        elector = Elector(client, "billing", lease=lease)
        elector.start()
        try:
            wait_until(leads(elector))
            yield proxy, elector
        finally:
            proxy.heal()
            elector.stop(10)
            client.close()


@pytest.mark.backends("embedded", "redis")
def test_p3_a_leader_that_is_cut_off_stands_down_by_its_own_clock_before_the_lease_can_end(backend: Backend) -> None:
    with behind_a_proxy(backend) as (proxy, elector):
        deposed = elector.deposed.listen()
        proxy.blackhole()
        wait_until(lambda: elector.term is None, 10)
        # In Redis the lease is there still, or has ended just now; nobody else can have begun before we ended.
        assert deposed(10) == "its lease could not be renewed in time"
        proxy.heal()
        wait_until(leads(elector), 15)


@pytest.mark.backends("embedded", "redis")
def test_one_renewal_that_fails_costs_no_lead(backend: Backend) -> None:
    with behind_a_proxy(backend, lease=2.0) as (proxy, elector):
        fault = proxy.drop_reply(b"EVALSHA")
        wait_until(lambda: fault.hits)
        asked = elector._term.asked if elector._term else 0
        wait_until(lambda: elector._term is not None and elector._term.asked > asked)
        assert elector.term is not None
        assert elector.term.number == 1


@pytest.mark.backends("embedded")
def test_a_redis_that_forgot_everything_is_led_again(backend: Backend, client: Shiftboss) -> None:
    elector = Elector(client, "billing", lease=1.0)
    elector.start()
    try:
        wait_until(leads(elector))
        assert backend.process is not None
        backend.process.kill()
        wait_until(lambda: elector.term is None)
        backend.process.start()
        wait_until(leads(elector), 15)
    finally:
        elector.stop(10)
