"""What goes wrong under schedulers: networks, servers, clocks, deploys. No tick is lost and none comes twice."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from shiftboss import ScheduleError, Shiftboss, job, outbox, periodic
from shiftboss.keys import PeriodicKeys, SidekiqKeys
from shiftboss.periodic import Schedule, Scheduler, calls, deploying
from shiftboss.periodic.deploying import deploy
from shiftboss.periodic.elector import Elector
from shiftboss.periodic.reading import read
from shiftboss.plan import Plan, run
from shiftboss.scripts import command, script
from tests.backends import Backend
from tests.faketime import ClockedServer
from tests.proxy import FaultProxy
from tests.servers import ServerProcess, embedded_binary
from tests.waiting import wait_until

EVERY_SECOND = "jobs:\n  tick: {every: 1s, job: Tick, catch_up: all, catch_up_window: 1h}\n"
YEARLY = "jobs:\n  tick: {cron: '0 3 1 1 *', job: Tick}\n"
HOUR = 3600
KEYS = PeriodicKeys("sb", "default")


@job(name="faults.known", queue="reports", retry=3)
def known() -> None: ...


class Fleet:
    """Schedulers, each with a client of its own, and what they put into Sidekiq's queue."""

    def __init__(self, url: str) -> None:
        self._stack = ExitStack()
        self.url = url
        self.client = self._client(url)

    def _client(self, url: str) -> Shiftboss:
        client = Shiftboss(url, timeout=2.0)
        self._stack.callback(client.close)
        return client

    def start(self, schedule: Schedule | str = "", url: str = "", **options: Any) -> Scheduler:
        given = read(EVERY_SECOND) if schedule == "" else schedule
        scheduler = Scheduler(self._client(url or self.url), given, **{"lease": 1.0, **options})
        self._stack.callback(scheduler.stop, 15)
        scheduler.start()
        return scheduler

    def jids(self, queue: str = "default") -> list[str]:
        """The ids of what was enqueued, oldest first."""
        from shiftboss.engines.sidekiq.payload import decode

        raws = self.client.store.run(command("LRANGE", [SidekiqKeys("sb").queue(queue)], [0, -1], list))
        return [decode(raw).message.id for raw in reversed(raws)]

    def seconds(self) -> list[int]:
        """The planned instants of what was enqueued, in seconds, in that order."""
        planned = {line.jid: line.planned for line in periodic.history("tick", client=self.client) if line.planned}
        return [round(planned[jid].timestamp()) for jid in self.jids() if jid in planned]

    def wait_for(self, more: int, timeout: float = 30) -> None:
        there = len(self.jids())
        wait_until(lambda: len(self.jids()) >= there + more, timeout, f"{more} more ticks")

    def assert_each_once(self) -> None:
        found = sorted(self.seconds())
        assert found == list(range(found[0], found[0] + len(found)))

    def close(self) -> None:
        self._stack.close()


@pytest.fixture
def fleet(backend: Backend) -> Iterator[Fleet]:
    fleet = Fleet(backend.url)
    yield fleet
    fleet.close()


# Networks.


@pytest.mark.backends("redis")
def test_p3_a_leader_that_is_cut_off_stands_down_before_its_lease_can_end_and_no_tick_is_lost(
    fleet: Fleet, backend: Backend
) -> None:
    assert backend.process is not None
    with FaultProxy(backend.process.address) as proxy:
        cut_off = fleet.start(url=proxy.url)
        wait_until(lambda: cut_off.leading)
        other = fleet.start()
        fleet.wait_for(1)
        proxy.blackhole()
        wait_until(lambda: other.leading or not cut_off.leading, 10)
        assert not cut_off.leading, "somebody else leads, and this one still believes that it does"
        wait_until(lambda: other.leading, 10)
        fleet.wait_for(2)
        proxy.heal()
        fleet.wait_for(1)
        fleet.assert_each_once()
        assert not cut_off.leading


@pytest.mark.backends("redis")
def test_p4_a_slow_renewal_is_trusted_from_when_it_was_asked_for(backend: Backend) -> None:
    assert backend.process is not None
    with FaultProxy(backend.process.address) as proxy:
        client = Shiftboss(proxy.url)
        elector = Elector(client, "default", lease=2.0)
        asked = time.monotonic()
        client.perform(elector.step("me", asked))
        proxy.delay(1.0, b"EVALSHA")
        asked = time.monotonic()
        client.perform(elector.step("me", asked))
        assert time.monotonic() - asked >= 1.0
        assert elector.tenure is not None
        assert elector.tenure.trusted_until() == pytest.approx(asked + 1.8)
        client.close()


@pytest.mark.backends("redis")
def test_a_lost_reply_of_a_claim_delays_no_tick_and_doubles_none(fleet: Fleet, backend: Backend) -> None:
    assert backend.process is not None
    with FaultProxy(backend.process.address) as proxy:
        # The grace of what is in the outbox is longer than this schedule runs: only the claimer itself can be so fast.
        fault = proxy.drop_reply(script("periodic/claim").sha.encode(), times=3)
        fleet.start(url=proxy.url, lease=5.0)
        wait_until(lambda: fault.hits == 3, 20)
        fleet.wait_for(1)
        fleet.assert_each_once()


@pytest.mark.backends("redis")
def test_a_lost_reply_of_a_push_doubles_no_tick(fleet: Fleet, backend: Backend) -> None:
    assert backend.process is not None
    with FaultProxy(backend.process.address) as proxy:
        fault = proxy.drop_reply(script("sidekiq/hand_over").sha.encode(), times=3)
        fleet.start(url=proxy.url, lease=5.0)
        wait_until(lambda: fault.hits == 3, 20)
        fleet.wait_for(1)
        fleet.assert_each_once()


# Servers.


def test_p8_a_redis_that_forgot_everything_gets_the_schedule_again_and_starts_from_now() -> None:
    with ServerProcess(embedded_binary(), unix=True) as server:
        fleet = Fleet(server.url)
        try:
            fleet.start(read(EVERY_SECOND))
            fleet.start("default")
            fleet.wait_for(1)
            server.kill()
            server.start()
            began = int(time.time())
            wait_until(lambda: len(fleet.jids()) >= 2, 30)
            assert min(fleet.seconds()) >= began, "nothing of the past is made up"
            fleet.assert_each_once()
        finally:
            fleet.close()


@pytest.mark.backends("redis")
def test_a_schedule_that_was_flushed_away_comes_back_by_itself(fleet: Fleet, backend: Backend) -> None:
    fleet.start()
    fleet.wait_for(1)
    backend.raw.flushall()
    fleet.wait_for(2)
    fleet.assert_each_once()


@pytest.mark.backends("redis")
def test_a_redis_that_forgot_is_not_given_what_another_deploy_has_replaced(fleet: Fleet) -> None:
    """What was deployed last counts, also after a lost connection of those that came before."""
    old = fleet.start()
    wait_until(lambda: old.leading)
    new = read(EVERY_SECOND.replace("Tick", "New"))
    fleet.client.perform(deploy(fleet.client, new))
    hearing = old._hearing
    assert hearing is not None
    hearing.close()
    wait_until(lambda: old._hearing not in {hearing, None}, 10)
    assert {one.entry.job for one in periodic.entries(client=fleet.client)} == {"New"}


def test_redis_is_away_for_some_seconds_and_what_was_due_meanwhile_comes_once() -> None:
    with ServerProcess(embedded_binary(), "--appendonly", "yes", "--appendfsync", "always", unix=True) as server:
        fleet = Fleet(server.url)
        try:
            for _ in range(2):
                fleet.start()
            fleet.wait_for(2)
            server.kill()
            away_until = time.monotonic() + 2.5
            wait_until(lambda: time.monotonic() > away_until)
            server.start()
            fleet.wait_for(4)
            fleet.assert_each_once()
        finally:
            fleet.close()


# Clocks.


@pytest.fixture
def clocked() -> Iterator[ClockedServer]:
    with ClockedServer(embedded_binary()) as server:
        yield server


@pytest.mark.parametrize(("policy", "most"), [("none", 3), ("one", 3), ("all", 70)])
def test_p5_set_forward_an_hour_the_clock_brings_what_the_policy_says_and_no_more(
    clocked: ClockedServer, policy: str, most: int
) -> None:
    fleet = Fleet(clocked.url)
    text = f"jobs:\n  tick: {{every: 1m, job: Tick, catch_up: {policy}, catch_up_window: 2h}}\n"
    try:
        fleet.client.perform(deploy(fleet.client, read(text)))
        before = fleet.client.store.run(calls.scores(KEYS))["tick"]
        clocked.set_clock(HOUR)
        fleet.start("default")
        wait_until(lambda: fleet.client.store.run(calls.scores(KEYS))["tick"] >= before + (HOUR - 60) * 1000, 20)
        wait_until(lambda: fleet.client.store.run(command("ZCARD", [KEYS.out], [], int)) == 0)
        jids = fleet.jids()
        assert len(jids) == len(set(jids)) <= most
        if policy == "all":
            assert len(jids) >= 59
    finally:
        fleet.close()


def test_p6_set_back_an_hour_the_clock_fires_nothing_twice_and_the_log_says_why_it_waits(
    clocked: ClockedServer, caplog: pytest.LogCaptureFixture
) -> None:
    fleet = Fleet(clocked.url)
    try:
        scheduler = fleet.start()
        fleet.wait_for(2)
        there = fleet.jids()
        clocked.set_clock(-HOUR)
        with caplog.at_level(logging.WARNING, "shiftboss.periodic"):
            wait_until(lambda: "the server's clock went back by 3600 s" in caplog.text.replace("3599", "3600"), 20)
        assert len(fleet.jids()) <= len(there) + 1
        # One that leads goes on leading, and one that dies is followed within its lease: not an hour later.
        wait_until(lambda: scheduler.leading, 10)
        clocked.set_clock(0)
        fleet.wait_for(1)
        jids = fleet.jids()
        assert len(jids) == len(set(jids))
    finally:
        fleet.close()


def test_a_clock_set_back_gives_no_dead_leader_an_hour(clocked: ClockedServer) -> None:
    client = Shiftboss(clocked.url)
    client.store.run(calls.lead(KEYS, "dead", 1000))
    clocked.set_clock(-HOUR)
    term, left = client.store.run(calls.lead(KEYS, "next", 1000))
    assert term == 0
    assert 0 < left <= 1000
    wait_until(lambda: client.store.run(calls.lead(KEYS, "next", 1000))[0] > 0, 10)
    client.close()


# Deploys.


def test_of_two_deploys_that_cross_the_one_that_began_later_is_carried_out_whole(client: Shiftboss) -> None:
    """P12: old and new code start at the same moment."""
    old = read("jobs:\n" + "".join(f"  e{n}: {{every: 1h, job: Old}}\n" for n in range(5)))
    new = read("jobs:\n" + "".join(f"  e{n}: {{every: 1h, job: New}}\n" for n in range(3, 8)))

    def cross() -> Plan[None]:
        first = deploy(client, old)
        step = next(first)
        while step.name != "periodic/put":  # type: ignore[union-attr]
            step = first.send((yield step))
        assert (yield from deploy(client, new))
        # The first goes on as if nothing had happened.
        with pytest.raises(StopIteration) as end:
            while True:
                step = first.send((yield step))
        assert end.value.value is False

    client.perform(cross())
    assert {one.entry.name: one.entry.job for one in periodic.entries(client=client)} == {
        f"e{n}": "New" for n in range(3, 8)
    }
    fingerprint, *_ = client.perform(run(calls.meta(KEYS)))
    assert not client.perform(deploy(client, new)), "it is known to be there"
    assert fingerprint


@pytest.mark.parametrize(("change", "done"), [("put", "changed"), ("remove", "removed")])
def test_what_is_done_at_run_time_while_a_deploy_brings_the_same_entry_leaves_the_deployed_one(
    client: Shiftboss, change: str, done: str
) -> None:
    periodic.put("tick", every=60, job="Mine", client=client)
    mine = replace(periodic.entries(client=client)[0].entry, job="Changed")
    plan: Plan[Any] = (
        deploying.put(client, "default", mine) if change == "put" else deploying.remove(client, "default", "tick")
    )

    def crossed() -> Plan[None]:
        step = next(plan)
        while getattr(step, "name", "") != f"periodic/{change}":
            step = plan.send((yield step))
        yield from deploy(client, read(YEARLY))
        while True:
            step = plan.send((yield step))

    with pytest.raises(ScheduleError, match=f"entry 'tick' is in the schedule's file; it can only be {done} there"):
        client.perform(crossed())
    assert [(one.entry.job, one.entry.source) for one in periodic.entries(client=client)] == [("Tick", "file")]


def test_a_deploy_that_died_half_way_is_done_again(client: Shiftboss) -> None:
    schedule = read(EVERY_SECOND)
    dying = deploy(client, schedule)
    step = next(dying)
    while step.name != "periodic/stamp":  # type: ignore[union-attr]
        step = dying.send(client.store.deliver(step))  # type: ignore[arg-type]
    dying.close()
    assert client.perform(deploy(client, schedule))


@pytest.mark.backends("redis")
def test_a_leader_that_does_not_know_the_job_puts_it_where_its_own_options_say(fleet: Fleet) -> None:
    """The process that deploys knows the job; who fires may be older code, or `shiftboss periodic run` of another app."""
    fleet.client.perform(deploy(fleet.client, read("jobs:\n  tick: {every: 1h, job: faults.known}\n")))
    (status,) = periodic.entries(client=fleet.client)
    assert (status.entry.queue, status.entry.options["retry"]) == ("reports", 3)
    periodic.run_now("tick", client=fleet.client)
    fleet.client.perform(outbox.reap(fleet.client, "a worker"))
    assert len(fleet.jids("reports")) == 1


@pytest.mark.backends("redis")
def test_p9_a_replica_that_took_over_without_the_last_claims_fires_them_again_under_the_same_ids() -> None:
    with ExitStack() as stack:
        primary, replica = (stack.enter_context(ServerProcess(embedded_binary())) for _ in range(2))
        before = Fleet(primary.url)
        stack.callback(before.close)
        replica.command("REPLICAOF", "127.0.0.1", primary.port)
        scheduler = before.start()
        wait_until(before.jids, 20, "a tick")
        wait_until(lambda: int(replica.command("LLEN", "queue:default")) > 0, 20, "the replica to follow")
        replica.command("REPLICAOF", "NO", "ONE")
        known = int(replica.command("LLEN", "queue:default"))
        wait_until(lambda: len(before.jids()) >= known + 2, 20, "ticks that the replica does not know")
        scheduler.stop(15)
        after = Fleet(replica.url)
        stack.callback(after.close)
        after.start()
        wait_until(lambda: set(before.jids()) <= set(after.jids()), 30, "the same ticks")
        assert len(after.jids()) == len(set(after.jids()))


def test_p12_an_entry_that_is_removed_or_changed_between_reading_and_claiming_fires_as_it_was_or_not_at_all(
    fleet: Fleet,
) -> None:
    client = fleet.client
    client.perform(deploy(client, read(YEARLY)))
    term, _ = client.store.run(calls.lead(KEYS, "me", 60_000))
    mine = f"me|{term}|60000"
    due = client.store.run(calls.scores(KEYS))["tick"]
    move = ["tick", due, due + 1, "a" * 24, "item", '{"planned":1', "enqueued", 0]
    client.perform(deploy(client, read(YEARLY.replace("0 3 1 1", "0 4 1 1"))))
    changed = client.store.run(calls.claim(KEYS, mine, 1000, ["tick"], move))
    assert changed.outcomes == ("",)
    client.perform(deploy(client, read("jobs:\n  other: {cron: '0 3 1 1 *', job: Other}\n")))
    removed = client.store.run(calls.claim(KEYS, mine, 1000, ["tick"], move))
    assert removed.outcomes == ("",)
    assert client.store.run(command("ZCARD", [KEYS.out], [], int)) == 0


# What is due at once.


@pytest.mark.backends("fake", "embedded", "redis")
def test_p16_names_and_arguments_are_never_code(client: Shiftboss) -> None:
    hostile = "');redis.call('FLUSHALL')--"
    with pytest.raises(ScheduleError, match="expected a name"):
        periodic.put(hostile, every=60, job="Tick", client=client)
    periodic.put("tick", every=60, job=hostile, queue=hostile, client=client)
    jid = periodic.run_now("tick", client=client)
    client.perform(outbox.reap(client, "a worker"))
    (raw,) = client.store.run(command("LRANGE", [SidekiqKeys("sb").queue(hostile)], [0, -1], list))
    assert jid.encode() in raw
    assert periodic.entries(client=client)[0].entry.job == hostile


@pytest.mark.backends("redis")
def test_p17_run_now_pause_and_resume_during_a_tick_leave_the_schedule_as_it_is(fleet: Fleet) -> None:
    fleet.start()
    fleet.wait_for(1)
    extra: set[str] = set()
    for _ in range(3):
        extra.add(periodic.run_now("tick", client=fleet.client))
        periodic.pause("tick", client=fleet.client)
        periodic.resume("tick", client=fleet.client)
        fleet.wait_for(2)
    assert extra <= set(fleet.jids())
    seconds = fleet.seconds()
    assert len(seconds) == len(set(seconds))
    assert set(range(min(seconds), max(seconds) + 1)) - set(seconds) <= set(), "a pause of an instant costs no tick"
