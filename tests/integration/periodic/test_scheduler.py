"""Schedulers: who leads, what fires, what becomes of it. Each tick once."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from shiftboss import ScheduleError, Shiftboss, events, job, outbox, periodic
from shiftboss.jobs import Message, Outcome
from shiftboss.keys import PeriodicKeys, SidekiqKeys, schedules
from shiftboss.periodic import Schedule, Scheduler, calls
from shiftboss.periodic.claiming import Move, moves_of
from shiftboss.periodic.deploying import deploy
from shiftboss.periodic.reading import read
from shiftboss.periodic.scheduler import AT_ONCE
from shiftboss.periodic.ticks import message_of
from shiftboss.plan import Plan, work
from shiftboss.scripts import command
from tests.waiting import wait_until

# They wait for ticks of a second each; one server is enough for that.
HOUR = 3600
slow = pytest.mark.backends("redis")
EVERY_SECOND = "jobs:\n  tick: {every: 1s, job: Tick, catch_up: all, catch_up_window: 1h}\n"


@job(name="scheduler.known", queue="reports", retry=3)
def known() -> None: ...


class Collector:
    """An engine that keeps what is enqueued."""

    name = "crew"
    joins_batches = False

    def __init__(self) -> None:
        self.messages: list[Message] = []
        self.broken = False

    def enqueue(self, messages: Any) -> Plan[None]:
        def publish() -> None:
            if self.broken:
                raise OSError("the broker is away")
            self.messages.extend(messages)

        yield from work(publish)

    @property
    def ids(self) -> list[str]:
        return [message.id for message in self.messages]


class Site:
    """Schedulers on one server, and what they enqueue."""

    def __init__(self, new_client: Callable[..., Shiftboss]) -> None:
        self._new_client = new_client
        self.engine = Collector()
        self.client = new_client(engine=self.engine)
        self.running: list[Scheduler] = []

    def start(self, schedule: Schedule | str = "", **options: Any) -> Scheduler:
        schedule = read(EVERY_SECOND) if schedule == "" else schedule
        client = self._new_client(engine=self.engine)
        scheduler = Scheduler(client, schedule, **{"lease": 1.0, **options})
        self.running.append(scheduler)
        scheduler.start()
        return scheduler

    def stop(self) -> None:
        for scheduler in self.running:
            assert scheduler.stop(10)

    def deploy(self, text: str) -> Schedule:
        schedule = read(text)
        self.client.perform(deploy(self.client, schedule))
        return schedule

    def move(self, entry: str, seconds: float, schedule: str = "default") -> None:
        """Put an entry's next tick so many seconds off from where it is."""
        due = PeriodicKeys(self.client.namespace, schedule).due
        self.client.store.run(command("ZINCRBY", [due], [seconds * 1000, entry], float))

    def outcomes(self, entry: str = "tick") -> list[str]:
        return [run.outcome for run in periodic.history(entry, client=self.client)]


@pytest.fixture
def site(new_client: Callable[..., Shiftboss]) -> Iterator[Site]:
    site = Site(new_client)
    yield site
    site.stop()


def ticks(site: Site, at_least: int, timeout: float = 20.0) -> list[int]:
    """The planned instants of what was enqueued, in seconds, once there are so many."""
    wait_until(lambda: len(site.engine.messages) >= at_least, timeout, f"{at_least} ticks")
    runs = {run.jid: run for run in periodic.history("tick", client=site.client)}
    return [round(runs[jid].planned.timestamp()) for jid in site.engine.ids if jid in runs]  # type: ignore[union-attr]


def assert_each_once(instants: list[int]) -> None:
    assert instants == list(range(instants[0], instants[0] + len(instants)))


@slow
def test_one_of_several_leads_and_each_tick_is_enqueued_once(site: Site) -> None:
    for _ in range(3):
        site.start()
    assert_each_once(ticks(site, 3))
    assert sum(scheduler.leading for scheduler in site.running) == 1
    leader = periodic.leader(client=site.client)
    assert leader is not None
    assert leader.term > 0


@slow
def test_one_that_stops_resigns_and_a_follower_takes_over_at_once(site: Site) -> None:
    first = site.start()
    wait_until(lambda: first.leading)
    second = site.start(lease=30.0)
    ticks(site, 1)
    term = periodic.leader(client=site.client)
    began = time.monotonic()
    first.stop()
    wait_until(lambda: second.leading, 5)
    assert time.monotonic() - began < 2
    assert_each_once(ticks(site, 3))
    after = periodic.leader(client=site.client)
    assert term is not None
    assert after is not None
    assert after.term == term.term + 1


@slow
def test_where_the_lease_is_deleted_the_old_term_claims_nothing_more(site: Site) -> None:
    """P2: two believe that they lead; the claim knows better."""
    first, second = site.start(), site.start()
    wait_until(lambda: first.leading or second.leading)
    keys = PeriodicKeys(site.client.namespace, "default")
    for _ in range(4):
        site.client.store.run(command("DEL", [keys.leader], [], int))
        ticks(site, len(site.engine.messages) + 1)
    assert_each_once(ticks(site, 5))


def test_an_old_term_is_refused(site: Site) -> None:
    site.deploy(EVERY_SECOND)
    keys = PeriodicKeys(site.client.namespace, "default")
    term, _ = site.client.store.run(calls.lead(keys, "me", 1000))
    assert site.client.store.run(calls.lead(keys, "me", 1000))[0] == term
    assert site.client.store.run(calls.lead(keys, "other", 1000))[0] == 0
    assert site.client.store.run(calls.claim(keys, f"me|{term - 1}|1000", 1000, [], [])).status == "deposed"
    assert site.client.store.run(calls.claim(keys, f"me|{term}|1000", 1000, [], [])).status == "ok"
    assert site.client.store.run(calls.resign(keys, f"me|{term}|1000", "x"))
    assert site.client.store.run(calls.lead(keys, "other", 1000))[0] == term + 1


def test_a_tick_that_was_claimed_and_not_enqueued_is_enqueued_later(site: Site) -> None:
    """Mark, then crash."""
    site.engine.broken = True
    first = site.start()
    wait_until(lambda: "enqueued" in site.outcomes(), 10)
    first.stop()
    assert site.engine.messages == []
    keys = PeriodicKeys(site.client.namespace, "default")
    waiting = site.client.store.run(command("ZRANGE", [keys.out], [0, -1], list))
    for item in waiting:
        site.client.store.run(command("ZADD", [keys.out], [0, item], int))
    site.engine.broken = False
    site.start()
    lost = {message_of(item.decode()).id for item in waiting}
    wait_until(lambda: lost <= set(site.engine.ids), 10)
    assert len(site.engine.ids) == len(set(site.engine.ids))


@pytest.mark.parametrize(("policy", "expected"), [("none", 0), ("one", 1), ("all", 10)])
def test_after_a_sleep_it_catches_up_as_told(site: Site, policy: str, expected: int) -> None:
    site.deploy(f"jobs:\n  tick: {{every: 1h, job: Tick, catch_up: {policy}, catch_up_window: 10h}}\n")
    now = time.time() % 3600
    if now < 60 or now > 3540:
        pytest.skip("an hour is about to begin")
    site.move("tick", -11 * 3600)
    site.start(read(f"jobs:\n  tick: {{every: 1h, job: Tick, catch_up: {policy}, catch_up_window: 10h}}\n"))
    wait_until(site.outcomes, 10)
    assert site.outcomes().count("caught up") == expected
    # A claim is written down before what it brings about is done.
    wait_until(lambda: len(site.engine.messages) >= expected, 10, "what was claimed")
    assert len(site.engine.messages) == expected
    status = periodic.entries(client=site.client)[0]
    assert status.next_at is not None
    assert 0 < status.next_at.timestamp() - time.time() <= 3600


def test_a_gap_that_takes_longer_than_the_lease_to_look_through_is_caught_up(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each entry takes a while: all of them three leases."""

    def slowly(*args: Any) -> list[Move]:
        threading.Event().wait(0.03)
        return moves_of(*args)

    monkeypatch.setattr("shiftboss.periodic.ahead.moves_of", slowly)
    schedule = site.deploy("jobs:\n" + "".join(f"  e{n}: {{every: 1h, job: Tick}}\n" for n in range(100)))
    for entry in schedule.entries:
        site.move(entry.name, -HOUR)
    scheduler = site.start("default")
    wait_until(lambda: len(site.engine.messages) == 100, 20, "all of them")
    assert len(set(site.engine.ids)) == 100
    assert scheduler.leading


@pytest.mark.parametrize(
    "strange",
    [{"cron": "* * * * *", "every": 0, "timezone": "Europe/Newzone"}, {"overlap": "cancel"}, {"catch_up": "some"}],
)
def test_an_entry_that_the_leader_does_not_understand_holds_nobody_up_and_keeps_its_place(
    site: Site, caplog: pytest.LogCaptureFixture, strange: dict[str, object]
) -> None:
    periodic.put("new", every=HOUR, job="New", client=site.client)
    keys = PeriodicKeys(site.client.namespace, "default")
    (said,) = site.client.store.run(calls.entries(keys)).values()
    definition = msgspec.json.encode({**msgspec.json.decode(said), **strange}).decode()
    site.client.store.run(command("HSET", [keys.entries], ["new", definition], int))
    site.move("new", -HOUR)
    place = site.client.store.run(calls.scores(keys))["new"]
    periodic.put("tick", every=1, job="Tick", client=site.client)
    site.start("default")
    ticks(site, 2)
    assert {message.name for message in site.engine.messages} == {"Tick"}
    assert site.client.store.run(calls.scores(keys))["new"] == place
    assert caplog.text.count("entry 'new' is not fired by this process") == 1


def test_those_that_are_due_behind_many_that_the_leader_does_not_understand_are_fired(site: Site) -> None:
    names = [f"e{n}" for n in range(AT_ONCE + 1)]
    site.deploy("jobs:\n" + "".join(f"  {name}: {{every: 1h, job: New}}\n" for name in names))
    keys = PeriodicKeys(site.client.namespace, "default")
    for name, said in site.client.store.run(calls.entries(keys)).items():
        site.client.store.run(command("HSET", [keys.entries], [name, said.replace('"allow"', '"cancel"')], int))
        site.client.store.run(command("ZADD", [keys.due], [1, name], int))
    periodic.put("tick", every=HOUR, job="Tick", client=site.client)
    site.move("tick", -HOUR)
    # Looking through so many takes a slow machine longer than the shortest lease.
    site.start("default", lease=15.0)
    wait_until(lambda: site.engine.messages, 30)
    assert [message.name for message in site.engine.messages] == ["Tick"]


def test_an_error_that_nobody_thought_of_does_not_end_the_loop(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    errors = iter([KeyError("surprise")])

    def failing(*args: Any) -> None:
        for error in errors:
            raise error

    monkeypatch.setattr(Scheduler, "_look_at_the_clock", failing)
    site.start()
    ticks(site, 1)
    assert "surprise" in caplog.text


@slow
def test_overlap_skip_leaves_a_tick_out_while_the_job_before_runs(site: Site) -> None:
    site.start(read("jobs:\n  tick: {every: 1s, job: Tick, overlap: skip}\n"))
    wait_until(lambda: site.outcomes().count("skipped") >= 2, 15)
    assert len(site.engine.messages) == 1
    (message,) = site.engine.messages
    site.client.perform(site.client.extensions["periodic"].finished(message, Outcome.SUCCEEDED, None))
    ticks(site, 2)
    runs = [run for run in periodic.history("tick", client=site.client) if run.jid == message.id]
    assert (runs[0].ended, runs[0].took is not None) == ("succeeded", True)


@slow
def test_overlap_queue_one_keeps_one_until_the_job_before_ends(site: Site) -> None:
    site.start(read("jobs:\n  tick: {every: 1s, job: Tick, overlap: queue_one}\n"))
    wait_until(lambda: site.outcomes().count("skipped") >= 2, 15)
    assert site.outcomes().count("queued") == 1
    assert len(site.engine.messages) == 1
    site.running[0].stop()
    (message,) = site.engine.messages
    site.client.perform(site.client.extensions["periodic"].finished(message, Outcome.DIED, ValueError()))
    assert len(site.engine.messages) == 2
    second = site.engine.messages[1]
    site.client.perform(site.client.extensions["periodic"].finished(second, Outcome.SUCCEEDED, None))
    assert len(site.engine.messages) == 2


@slow
def test_overlap_queue_one_enqueues_the_kept_one_after_the_timeout_where_nobody_tells_of_an_end(site: Site) -> None:
    """As with all engines but the built-in one."""
    site.start(read("jobs:\n  tick: {every: 1s, job: Tick, overlap: queue_one, timeout: 2500ms}\n"))
    wait_until(lambda: len(site.engine.messages) >= 3, 20, "two that were kept")
    site.running[0].stop()
    runs = {run.jid: run for run in periodic.history("tick", client=site.client) if run.jid}
    outcomes = [runs[jid].outcome for jid in site.engine.ids[:3]]
    assert outcomes == ["enqueued", "queued", "queued"]
    planned = [runs[jid].planned for jid in site.engine.ids[:3]]
    assert planned == sorted(planned)


@pytest.mark.parametrize("limit", [0, 1, -1])
def test_what_was_kept_is_enqueued_first_after_the_timeout_whatever_is_said_of_overlaps_now(
    site: Site, limit: int
) -> None:
    keys = PeriodicKeys(site.client.namespace, "default")
    call = site.client.store.run
    term, _ = call(calls.lead(keys, "me", 60_000))

    def claim(start: int, jid: str, limit: int) -> tuple[str, ...]:
        move = ["tick", start, start + 1, jid, f"item of {jid}", "{", "enqueued", limit]
        return call(calls.claim(keys, f"me|{term}|60000", 1000, ["tick"], move)).outcomes

    call(command("ZADD", [keys.due], [1, "tick"], int))
    assert [claim(1, "a", -HOUR), claim(2, "b", -HOUR), claim(3, "c", -HOUR)] == [
        ("enqueued",),
        ("queued",),
        ("skipped",),
    ]
    call(command("HSET", [keys.running], ["tick", "a|1000"], int))
    assert claim(4, "d", limit * HOUR) == ({0: "enqueued", 1: "skipped", -1: "queued"}[limit],)
    assert call(command("ZRANGE", [keys.out], [0, 1], list))[0] == b"item of b"
    assert call(command("HGET", [keys.queued], ["tick"], bool)) == (limit < 0)


@slow
def test_a_job_that_ran_for_longer_than_its_timeout_holds_nobody_up(site: Site) -> None:
    site.start(read("jobs:\n  tick: {every: 1s, job: Tick, overlap: skip, timeout: 500ms}\n"))
    ticks(site, 2)


@slow
def test_an_entry_that_rests_does_not_fire_through_deploys(site: Site) -> None:
    site.deploy(EVERY_SECOND)
    periodic.pause("tick", client=site.client)
    site.start(read(EVERY_SECOND.replace("job: Tick", "job: Changed")))
    due = PeriodicKeys(site.client.namespace, "default").due
    before = site.client.store.run(command("ZSCORE", [due], ["tick"], float))
    wait_until(lambda: site.client.store.run(command("ZSCORE", [due], ["tick"], float)) >= before + 2000, 10)
    assert site.engine.messages == []
    periodic.resume("tick", client=site.client)
    wait_until(lambda: site.engine.messages, 10)
    assert site.engine.messages[0].name == "Changed"
    with pytest.raises(ScheduleError, match="no entry 'nobody' in schedule 'default'"):
        periodic.pause("nobody", client=site.client)


def test_one_that_rested_over_its_tick_while_nobody_fired_goes_on_with_the_next(site: Site) -> None:
    site.deploy("jobs:\n  tick: {every: 1h, job: Tick, jitter: 1m}\n")
    before = periodic.entries(client=site.client)[0].next_at
    periodic.pause("tick", client=site.client)
    site.move("tick", -HOUR)
    periodic.resume("tick", client=site.client)
    assert periodic.entries(client=site.client)[0].next_at == before


def test_resume_leaves_the_place_of_one_that_did_not_rest_or_rested_over_no_tick(site: Site) -> None:
    site.deploy("jobs:\n  tick: {every: 1h, job: Tick}\n")
    site.move("tick", -HOUR)
    due = periodic.entries(client=site.client)[0].next_at
    periodic.resume("tick", client=site.client)
    assert periodic.entries(client=site.client)[0].next_at == due
    site.move("tick", 2 * HOUR)
    later = periodic.entries(client=site.client)[0].next_at
    periodic.pause("tick", client=site.client)
    periodic.resume("tick", client=site.client)
    assert periodic.entries(client=site.client)[0].next_at == later
    with pytest.raises(ScheduleError, match="no entry 'nobody' in schedule 'default'"):
        periodic.resume("nobody", client=site.client)


def test_run_now_enqueues_at_once_and_shifts_nothing(site: Site) -> None:
    site.deploy("jobs:\n  tick: {cron: '0 3 * * *', job: Tick}\n")
    before = periodic.entries(client=site.client)[0].next_at
    site.start("default")
    wait_until(lambda: site.running[0].leading)
    jid = periodic.run_now("tick", client=site.client)
    wait_until(lambda: site.engine.ids == [jid], 5)
    assert periodic.entries(client=site.client)[0].next_at == before
    assert site.outcomes() == ["run now"]


def test_run_now_is_not_lost_where_nobody_fires_the_schedule(site: Site) -> None:
    site.deploy("jobs:\n  tick: {cron: '0 3 * * *', job: Tick}\n")
    periodic.pause("tick", client=site.client)
    jid = periodic.run_now("tick", client=site.client)
    assert site.engine.ids == []
    site.client.perform(outbox.reap(site.client, "a worker"))
    assert site.engine.ids == [jid]


def test_a_schedule_that_sleeps_is_woken_by_a_change(site: Site) -> None:
    site.start(read("jobs:\n  other: {cron: '0 3 1 1 *', job: Other}\n"))
    wait_until(lambda: site.running[0].leading)
    periodic.put("tick", every=1, job="Tick", client=site.client)
    ticks(site, 1, timeout=5)
    assert periodic.remove("tick", client=site.client)
    with pytest.raises(ScheduleError, match="entry 'other' is in the schedule's file; it can only be removed there"):
        periodic.remove("other", client=site.client)
    with pytest.raises(ScheduleError, match="it can only be changed there"):
        periodic.put("other", every=1, job="Tick", client=site.client)


@slow
def test_the_last_deployed_schedule_is_fired_whoever_leads(site: Site) -> None:
    """P12: a rolling deploy."""
    old = site.start(read("jobs:\n  tick: {every: 1s, job: Old}\n  gone: {every: 1s, job: Gone}\n"))
    wait_until(lambda: {message.name for message in site.engine.messages} == {"Old", "Gone"}, 10)
    assert old.leading
    site.start(read("jobs:\n  tick: {every: 1s, job: New}\n"))
    wait_until(lambda: any(message.name == "New" for message in site.engine.messages), 10)
    assert old.leading
    first_new = next(n for n, message in enumerate(site.engine.messages) if message.name == "New")
    ticks(site, first_new + 3)
    assert {message.name for message in site.engine.messages[first_new + 1 :]} == {"New"}
    assert len(site.engine.ids) == len(set(site.engine.ids))


def test_a_changed_entry_keeps_its_history_and_the_place_if_its_timing_stays(site: Site) -> None:
    site.deploy("jobs:\n  tick: {every: 1h, job: Tick}\n")
    periodic.run_now("tick", client=site.client)
    site.move("tick", 600)
    before = periodic.entries(client=site.client)[0].next_at
    site.deploy("jobs:\n  tick: {every: 1h, job: Other}\n")
    assert periodic.entries(client=site.client)[0].next_at == before
    site.deploy("jobs:\n  tick: {every: 2h, job: Other}\n")
    assert periodic.entries(client=site.client)[0].next_at != before
    assert site.outcomes() == ["run now"]


@pytest.mark.parametrize(("before", "after"), [("jitter: 30m", "jitter: 0s"), ("jitter: 0s", "jitter: 30m")])
def test_an_entry_whose_jitter_alone_changes_keeps_a_tick_that_is_due(site: Site, before: str, after: str) -> None:
    site.deploy(f"jobs:\n  tick: {{every: 1h, job: Tick, {before}}}\n")
    planned = int(time.time()) // HOUR * HOUR
    keys = PeriodicKeys(site.client.namespace, "default")
    (entry,) = periodic.entries(client=site.client)
    put_off = planned * 1000 + entry.entry.delay("default")
    site.client.store.run(command("ZADD", [keys.due], [put_off, "tick"], int))
    schedule = site.deploy(f"jobs:\n  tick: {{every: 1h, job: Tick, {after}}}\n")
    place = planned * 1000 + schedule.entries[0].delay("default")
    assert site.client.store.run(calls.scores(keys)) == {"tick": place} != {"tick": put_off}
    # Sent twice, as after a reply that was lost.
    said = schedule.entries[0].to_json()
    site.client.store.run(calls.put(keys, 0, ["tick", said, "+60000"]))
    assert site.client.store.run(calls.scores(keys)) == {"tick": place}


def test_what_was_put_at_run_time_survives_a_deploy(site: Site) -> None:
    site.deploy(EVERY_SECOND)
    periodic.put("mine", every=60, job="Mine", client=site.client)
    site.deploy(EVERY_SECOND.replace("Tick", "Changed"))
    assert [(one.entry.name, one.entry.source) for one in periodic.entries(client=site.client)] == [
        ("mine", "runtime"),
        ("tick", "file"),
    ]


def test_two_apps_with_one_schedule_name_are_both_warned_as_the_second_begins(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    def warnings() -> list[str]:
        return [one.message for one in caplog.records if "do two apps use one schedule name?" in one.message]

    first = site.start(read("jobs:\n  bills: {cron: '0 3 1 1 *', job: Bills}\n"))
    wait_until(lambda: first.leading)
    # A release that leaves an entry out and brings another is none.
    site.start(read("jobs:\n  bills: {cron: '0 4 1 1 *', job: Bills}\n  dunning: {cron: '0 3 1 1 *', job: Dunning}\n"))
    periodic.put("mine", every=HOUR, job="Mine", client=site.client)
    wait_until(lambda: len(periodic.entries(client=site.client)) == 3)
    assert warnings() == []
    site.start(read("jobs:\n  thumbnails: {cron: '0 3 1 1 *', job: Thumbnails}\n"))
    wait_until(lambda: len(warnings()) == 3, 20, "a warning of each")
    assert [("has deployed in place" in one, "which this process has replaced" in one) for one in sorted(warnings())] == [
        (True, False), (True, False), (False, True),
    ]  # fmt: skip
    periodic.pause("mine", client=site.client)
    periodic.run_now("mine", client=site.client)
    wait_until(lambda: site.engine.messages, 10)
    assert len(warnings()) == 3, "once is enough"


def test_two_apps_with_one_schedule_name_are_warned(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    for text in (EVERY_SECOND, EVERY_SECOND.replace("Tick", "Other"), EVERY_SECOND):
        site.deploy(text)
    assert "do two apps use one schedule name?" in caplog.text


def test_a_process_that_does_not_know_a_job_leaves_what_another_knows_of_it(
    new_client: Callable[..., Shiftboss], caplog: pytest.LogCaptureFixture
) -> None:
    schedule = read("jobs:\n  tick: {every: 1h, job: scheduler.known}\n")
    knows, knows_not = new_client(), new_client(engine=Collector())
    clients = (knows_not, knows, knows_not, knows)
    assert [client.perform(deploy(client, schedule)) for client in clients] == [True, True, False, False]
    assert periodic.entries(client=knows)[0].entry.queue == "reports"
    changed = read("jobs:\n  tick: {every: 2h, job: scheduler.known}\n")
    assert knows_not.perform(deploy(knows_not, changed))
    assert knows.perform(deploy(knows, changed))
    assert periodic.entries(client=knows)[0].entry.queue == "reports"
    assert "do two apps use one schedule name?" not in caplog.text


def test_a_job_whose_options_change_back_is_not_taken_for_two_apps(
    new_client: Callable[..., Shiftboss], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, queues = new_client(), iter(["a", "b", "a"])
    monkeypatch.setattr(
        "shiftboss.periodic.deploying.resolved", lambda client, entry: replace(entry, queue=next(queues))
    )
    schedule = read("jobs:\n  tick: {every: 1h, job: scheduler.known}\n")
    assert [client.perform(deploy(client, schedule)) for _ in range(3)] == [True, True, True]
    assert "do two apps use one schedule name?" not in caplog.text


def test_two_schedules_do_not_meet(site: Site) -> None:
    """P13."""
    site.start(read("schedule: a\njobs:\n  tick: {every: 1s, job: A}\n"))
    site.start(read("schedule: b\njobs:\n  tick: {every: 1s, job: B}\n"))
    wait_until(lambda: {message.name for message in site.engine.messages} == {"A", "B"}, 10)
    assert all(scheduler.leading for scheduler in site.running)
    assert periodic.schedules(client=site.client) == ["a", "b"]


def test_one_that_may_not_lead_deploys_and_follows(site: Site) -> None:
    follower = site.start(lead=False)
    wait_until(lambda: periodic.entries(client=site.client))
    assert not follower.leading
    assert periodic.leader(client=site.client) is None
    site.start("default")
    ticks(site, 1)
    assert not follower.leading


def test_elections_are_events(site: Site) -> None:
    heard: list[events.Event] = []
    end = events.subscribe(heard.append, "leader.elected", "leader.deposed", "tick.claimed")
    scheduler = site.start()
    ticks(site, 1)
    scheduler.stop()
    assert events.flush()
    end()
    names = [event.name for event in heard]
    assert (names[0], names[-1], "tick.claimed" in names) == ("leader.elected", "leader.deposed", True)
    assert heard[-1].data["reason"] == "resigned"


def test_a_schedule_that_nobody_changes_is_kept_for_as_long_as_it_is_fired(site: Site) -> None:
    """Redis would forget it a year after its last deploy, and that an entry rests."""
    site.deploy("jobs:\n  rests: {cron: '0 3 29 2 *', job: Rests}\n")
    periodic.pause("rests", client=site.client)
    of = PeriodicKeys(site.client.namespace, "default")
    kept = [of.entries, of.due, of.paused, of.meta, schedules(site.client.namespace)]
    for key in kept:
        site.client.store.run(command("PEXPIRE", [key], [3_600_000], int))
    site.start("default")
    left = [command("PTTL", [key], [], int) for key in kept]
    wait_until(lambda: min(site.client.store.run(one) for one in left) > 364 * 86_400_000, 20, "another year")


@pytest.mark.parametrize("lost", ["entries", "due"])
def test_what_redis_has_lost_of_a_schedule_comes_back_with_the_next_process(
    site: Site, lost: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its fingerprint is there, and says that there is nothing to deploy."""
    text = "jobs:\n  tick: {cron: '0 3 1 1 *', job: Tick}\n  still: {every: 1h, job: Still, enabled: false}\n"
    site.deploy(text)
    before = periodic.entries(client=site.client)
    of = PeriodicKeys(site.client.namespace, "default")
    site.client.store.run(command("DEL", [getattr(of, lost)], [], int))
    assert site.client.perform(deploy(site.client, read(text)))
    assert periodic.entries(client=site.client) == before
    assert "Redis has lost entries, or when they fire" in caplog.text
    assert not site.client.perform(deploy(site.client, read(text)))


def test_an_entry_that_lost_its_place_has_one_again_once_it_is_put(site: Site) -> None:
    periodic.put("mine", cron="0 3 1 1 *", job="Mine", client=site.client)
    before = periodic.entries(client=site.client)
    of = PeriodicKeys(site.client.namespace, "default")
    site.client.store.run(command("DEL", [of.due], [], int))
    periodic.put("mine", cron="0 3 1 1 *", job="Mine", client=site.client)
    assert periodic.entries(client=site.client) == before


def test_history_is_bounded(site: Site) -> None:
    site.deploy("jobs:\n  tick: {cron: '0 3 * * *', job: Tick}\n")
    for _ in range(105):
        periodic.run_now("tick", client=site.client)
    assert len(periodic.history("tick", client=site.client)) == 100


@pytest.mark.backends("fake", "embedded", "redis", "acl")
def test_a_job_that_is_known_has_its_queue_and_options(client: Shiftboss) -> None:
    client.perform(deploy(client, read("jobs:\n  tick: {cron: '0 3 * * *', job: scheduler.known}\n")))
    jid = periodic.run_now("tick")
    client.perform(outbox.reap(client, "a worker"))
    (payload,) = client.store.run(command("LRANGE", [SidekiqKeys("sb").queue("reports")], [0, -1], list))
    assert jid.encode() in payload
    assert b'"retry":3' in payload
    assert b'"args":[]' in payload


@pytest.mark.backends("embedded")
def test_ten_thousand_due_at_once_are_enqueued_in_claims_of_five_hundred(client: Shiftboss) -> None:
    """P14."""
    entries = "".join(f"  e{n}: {{every: 1h, job: Tick}}\n" for n in range(2_000))
    schedule = read(f"jobs:\n{entries}")
    client.perform(deploy(client, schedule))
    due = PeriodicKeys("sb", "default").due
    for entry in schedule.entries:
        client.store.run(command("ZADD", [due], [(time.time() // 3600 * 3600) * 1000, entry.name], int))
    scheduler = Scheduler(client, "default", lease=5)
    scheduler.start()
    length = command("LLEN", [SidekiqKeys("sb").queue("default")], [], int)
    wait_until(lambda: client.store.run(length) == 2_000, 20)
    scheduler.stop()
    assert client.store.run(length) == 2_000


@pytest.mark.asyncio
async def test_coroutines_can_operate_it_too(site: Site) -> None:
    client = site.client
    await client.aperform(deploy(client, read(EVERY_SECOND)))
    await periodic.apause("tick", client=client)
    assert (await periodic.aentries(client=client))[0].paused
    await periodic.aresume("tick", client=client)
    await periodic.arun_now("tick", client=client)
    assert len(await periodic.ahistory("tick", client=client)) == 1
    await periodic.aput("mine", every=60, job="Mine", client=client)
    assert await periodic.aremove("mine", client=client)
    assert await periodic.aleader(client=client) is None
    await client.aclose()


def test_a_scheduler_can_be_stopped_before_it_was_started_and_twice(site: Site) -> None:
    scheduler = Scheduler(site.client, read(EVERY_SECOND), lease=1)
    assert scheduler.stop(1)
    started = site.start()
    assert started.stop(5)
    assert started.stop(5)
    assert threading.active_count() < 50
