"""The schedule file: what it may say, and every error with its line."""

from __future__ import annotations

import os
import pickle
from datetime import datetime
from pathlib import Path
from typing import Any

import celery
import dramatiq
import pytest
import taskiq
from dramatiq.brokers.stub import StubBroker

from shiftboss import ConfigError, ScheduleError, job
from shiftboss.client import Shiftboss
from shiftboss.periodic import Entry, Mistake, Schedule, history, put, register, registration, upcoming
from shiftboss.periodic.deploying import fingerprint_of, merged
from shiftboss.periodic.reading import load, read
from shiftboss.periodic.schedule import check_jobs, complete
from tests.unit.periodic.test_claiming import fate

GOOD = """\
schedule: billing
timezone: Europe/Berlin
defaults: {queue: low, retry: 3}
jobs:
  nightly-report:
    cron: "0 3 * * mon-fri"
    job: app.jobs.NightlyReport
    queue: reports
    timezone: America/New_York
    catch_up: all
    catch_up_window: 1h
    overlap: skip
    jitter: 30s
    timeout: 2h
    enabled: true
    description: "Mails the report"
  poll: {every: 1m 30s, job: Poll, enabled: false}
"""


@job(name="schedule.fine")
def fine(since: str = "yesterday") -> None: ...


@job(name="schedule.needs")
def needs(since: str) -> None: ...


def test_all_that_a_file_may_say() -> None:
    schedule = read(GOOD)
    report, poll = schedule.entries
    assert schedule.name == "billing"
    assert report == Entry(
        name="nightly-report",
        job="app.jobs.NightlyReport",
        cron="0 3 * * mon-fri",
        timezone="America/New_York",
        queue="reports",
        options={"retry": 3},
        catch_up="all",
        catch_up_window=3_600_000,
        overlap="skip",
        jitter=30_000,
        timeout=7_200_000,
        description="Mails the report",
    )
    assert (poll.every, poll.queue, poll.enabled, poll.timezone) == (90_000, "low", False, "Europe/Berlin")
    assert Entry.from_json(report.to_json()) == report


def test_its_fingerprint_changes_with_what_it_says_and_not_with_the_order() -> None:
    schedule = read(GOOD)
    assert fingerprint_of(schedule.entries[::-1]) == fingerprint_of(schedule.entries)
    assert fingerprint_of(read(GOOD.replace("30s", "31s")).entries) != fingerprint_of(schedule.entries)


def wrong(text: str) -> str:
    with pytest.raises(ScheduleError) as caught:
        read(text, "schedule.yml")
    return str(caught.value)


def entry(text: str) -> str:
    return wrong(f"jobs:\n  nightly:\n    job: J\n    {text}\n")


def test_everything_that_is_wrong_is_told_at_once_in_order() -> None:
    text = (
        GOOD.replace("0 3 *", "99 3 *").replace("overlap: skip", "overlapp: skip").replace("jitter: 30s", "jitter: -1")
    )
    assert wrong(text.replace("every: 1m 30s", "every: 0.5")).splitlines() == [
        "schedule.yml:6: nightly-report: cron '99 3 * * mon-fri': cannot read '99' as the minute",
        "schedule.yml:12: nightly-report: unknown key 'overlapp'; did you mean 'overlap'?",
        "schedule.yml:13: nightly-report: expected jitter to be not negative and at most a year, got -1",
        "schedule.yml:17: poll: expected every to be at least 1 s and at most a year, got 0.5",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cron: '30 2 30 2 *'", "nightly: cron '30 2 30 2 *': no such date ever comes"),
        ("cron: '* * * * *'\n    timezone: Europe/Bern", "nightly: expected timezone to be a name like Europe/Berlin, got 'Europe/Bern'"),
        ("every: soon", "nightly: expected every to be a duration like 90s, 5m or 1h 30m, got 'soon'"),
        ("every: 10s\n    cron: '* * * * *'", "nightly: expected either cron or every, got both"),
        ("queue: low", "nightly: expected either cron or every"),
        ("every: 10s\n    catch_up: two", "nightly: expected catch_up to be none or one or all, got 'two'"),
        ("every: 10s\n    overlap: no", "nightly: expected overlap to be allow or skip or queue_one, got False"),
        ("every: 10s\n    enabled: 1", "nightly: expected enabled to be true or false, got 1"),
        ("every: 10s\n    timeout: 0", "nightly: expected timeout to be at least 0.001 s and at most a year, got 0"),
        ("every: 10s\n    catch_up_window: 2 years", "nightly: expected catch_up_window to be a duration like"),
        ("every: 10s\n    queue: 7", "nightly: expected queue to be 1 to 128 characters without spaces or commas, got 7"),
        ("every: 10s\n    queue: a b", "nightly: expected queue to be 1 to 128 characters without spaces or commas, got 'a b'"),
        ("every: 10s\n    args: [1]", "nightly: unknown key 'args'"),
        ("every: 10s\n    retry: lots", "schedule.yml:5: nightly: expected retry to be a number of times, 0 or more, or true or false, got 'lots'"),
        ("every: 10s\n    retry: -3", "nightly: expected retry to be a number of times, 0 or more, or true or false, got -3"),
        ("every: 10s\n    dead: maybe", "nightly: expected dead to be true or false, got 'maybe'"),
        ("every: 10s\n    tags: 5", "nightly: expected tags to be a list of words, got 5"),
        ("every: 10s\n    tags: [a, 5]", "nightly: expected tags to be a list of words, got ['a', 5]"),
        ("every: 10s\n    retry_queue: 7", "nightly: expected retry_queue to be 1 to 128 characters without spaces or commas, got 7"),
        ("every: 1:30", "nightly: expected every to be a duration like 90s, 5m or 1h 30m, got '1:30'"),
        ("every: 1:30.5", "nightly: expected every to be a duration like 90s, 5m or 1h 30m, got '1:30.5'"),
    ],
)  # fmt: skip
def test_an_entry_that_cannot_be_is_refused_with_its_line(text: str, message: str) -> None:
    told = entry(text)
    assert message in told
    assert told.startswith("schedule.yml:")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "schedule.yml:1: expected jobs:, got an empty file"),
        ("- a\n- b", "schedule.yml:1: expected the file to be a mapping, got ['a', 'b']"),
        ("jobs: 5", "schedule.yml:1: expected jobs to be a mapping, got 5"),
        ("job: {}", "schedule.yml:1: unknown key 'job'; did you mean 'jobs'?"),
        ("schedule: a b\njobs: {}", "schedule.yml:1: expected schedule to be a name"),
        ("timezone: Mars\njobs: {}", "schedule.yml:1: expected timezone to be a name like Europe/Berlin, got 'Mars'"),
        ("jobs:\n\ta: 1", "schedule.yml:2: not YAML: found character '\\t' that cannot start any token"),
        ("jobs: [", "schedule.yml:1: not YAML: "),
        ("jobs:\n  a:\n    cron: * * * * *", "schedule.yml:3: not YAML: expected alphabetic or numeric character, but found ' '; a value that begins with * or @ needs quotes"),
        ("jobs:\n  a:\n    cron: */5 * * * *", "schedule.yml:3: not YAML: expected alphabetic or numeric character, but found '/'; a value that begins with * or @ needs quotes"),
        ("jobs:\n  a: {cron: @daily, job: J}", "schedule.yml:2: not YAML: found character '@' that cannot start any token; a value that begins with * or @ needs quotes"),
        ("jobs:\n  a: {job: J, every: 0x" + "F" * 5000 + "}", "schedule.yml:2: expected a number of at most 100 characters, got 5,002"),
        ("jobs:\n  a: {job: J, every: " + "x" * 5000 + "}", "expected every to be a duration like 90s, 5m or 1h 30m, got '" + "x" * 99),
        ("jobs:\n  a: {job: J, every: 5}\n  a: {job: K, every: 5}", "schedule.yml:3: 'a' stands there twice, first in line 2"),
        ("jobs:\n  a: {job: J, job: K, every: 5}", "schedule.yml:2: a: 'job' stands there twice, first in line 2"),
        ("jobs:\n  on: {job: J, every: 5}", "schedule.yml:2: expected a name, got True; put it in quotes"),
        ("jobs:\n  5: {job: J, every: 5}", "schedule.yml:2: expected a name, got 5; put it in quotes"),
        ("jobs:\n  'a b': {job: J, every: 5}", "schedule.yml:2: a b: expected a name of 1 to 128 letters"),
        ("jobs:\n  a: !!python/object:os.system {}", "schedule.yml:2: expected plain values, got the tag !!python/object:os.system"),
        ("jobs:\n  a: !secret x", "schedule.yml:2: expected plain values, got the tag !secret"),
        ("jobs:\n  a: {every: 5}", "schedule.yml:2: a: expected job: the name of what is to be enqueued"),
        ("defaults: {cron: '* * * * *'}\njobs: {}", "schedule.yml:1: defaults: unknown key 'cron'"),
        ("jobs:\n  a: {job: J, every: 99999999999999999999999}", "schedule.yml:2: a: expected every to be a duration"),
        ("jobs:\n  a: {job: J, cron: 2001-13-45}", "schedule.yml:2: "),
        ("jobs:\n  a: {}", "schedule.yml:2: a: expected either cron or every\nschedule.yml:2: a: expected job: the name of what"),
        ("jobs:\n  a:", "schedule.yml:2: a: expected the entry to be a mapping, got None"),
        ("jobs:\n  a: {job: J, every: 5, <<: 5}", "schedule.yml:2: a: expected << to be a mapping, got 5"),
        ("jobs:\n  a: &a {<<: *a}", "schedule.yml:2: expected lists and mappings of at most 20 levels, got more"),
        ("jobs:\n  a: {job: J, every: 5, tags: " + "[" * 250 + "]" * 250 + "}", "schedule.yml:2: expected lists and mappings of at most 20 levels, got more"),
        ("jobs: " + "[" * 2000 + "]" * 2000, "schedule.yml:1: expected lists and mappings of at most 20 levels, got more"),
    ],
)  # fmt: skip
def test_p15_a_file_that_cannot_be_is_refused_with_its_line(text: str, message: str) -> None:
    assert message in wrong(text)


def test_p15_a_yaml_bomb_is_refused() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"] + [
        f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)
    ]
    assert "its aliases stand for more than 500,000 values" in wrong("\n".join(lines))


def test_an_alias_is_fine_where_it_is_small() -> None:
    schedule = read("defaults: &d {queue: low}\njobs:\n  a: &a {job: J, every: 5}\n  b: *a\n")
    assert [one.queue for one in schedule.entries] == ["low", "low"]


def test_a_merge_brings_what_an_entry_does_not_say_itself() -> None:
    text = "jobs:\n  a: &a {job: J, every: 5, queue: low}\n  b: &b {cron: '@daily', job: K}\n"
    schedule = read(text + "  c: {<<: *a, job: L}\n  d: {queue: high, <<: [{queue: x, jitter: 1}, *b]}\n")
    c, d = schedule.entries[2:]
    assert (c.job, c.every, c.queue) == ("L", 5_000, "low")
    assert (d.job, d.cron, d.queue, d.jitter) == ("K", "@daily", "high", 1_000)
    assert "schedule.yml:2: b: unknown key 'evry'; did you mean 'every'?" in wrong(
        "jobs:\n  a: &a {job: J, evry: 5, every: 5}\n  b: {<<: *a}\n"
    )


def test_what_is_wrong_in_the_defaults_is_told_once_where_it_stands() -> None:
    text = "defaults:\n  queue: low\n  jitter: -5\n  retry: lots\njobs:\n  a: {every: 5s, job: J}\n  b: {every: 6s, job: J}\n"
    assert wrong(text).splitlines() == [
        "schedule.yml:3: defaults: expected jitter to be not negative and at most a year, got -5",
        "schedule.yml:4: defaults: expected retry to be a number of times, 0 or more, or true or false, got 'lots'",
    ]


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [("5min", 300_000), ("1h 30min", 5_400_000), ("5m", 300_000), ("1500ms", 1_500), ("1d2h", 93_600_000), ("1w", 604_800_000)],
)  # fmt: skip
def test_each_unit_of_a_duration_is_read(text: str, milliseconds: int) -> None:
    assert read(f"jobs:\n  a: {{job: J, every: {text}}}\n").entries[0].every == milliseconds


def test_options_of_jobs_are_read() -> None:
    (a,) = read("jobs:\n  a: {job: J, every: 5, retry: false, dead: true, tags: [x], retry_queue: low}\n").entries
    assert a.options == {"retry": False, "dead": True, "tags": ["x"], "retry_queue": "low"}


def test_a_file_is_read_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "schedule.yml"
    with pytest.raises(ScheduleError, match=r"schedule.yml: cannot be read: No such file or directory"):
        load(path)
    path.write_bytes(b"jobs: \xff")
    with pytest.raises(ScheduleError, match="not UTF-8"):
        load(path)
    path.write_text("# " + "x" * 1_000_000)
    with pytest.raises(ScheduleError, match="expected a file of at most 1,000,000 bytes, got 1,000,002"):
        load(path)
    path.write_text(GOOD)
    assert load(path) == read(GOOD)


def test_a_file_without_an_end_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ScheduleError, match="expected a file of at most 1,000,000 bytes, got more"):
        load("/dev/zero")


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was read of it may be a schedule, with half of the entries."""
    path = tmp_path / "schedule.yml"
    path.write_text(GOOD.partition("  poll:")[0])
    look, seen = os.fstat, 0

    def fstat(number: int) -> os.stat_result:
        nonlocal seen
        seen += 1
        if seen == 2:
            path.write_text(GOOD)
        return look(number)

    monkeypatch.setattr("shiftboss.periodic.reading.os.fstat", fstat)
    with pytest.raises(ScheduleError, match=r"schedule.yml: changed while it was read; try again once it is written$"):
        load(path)
    assert len(load(path).entries) == 2


def test_mistakes_are_there_one_by_one(tmp_path: Path) -> None:
    text = "defaults: {jitter: -1}\njobs:\n  a:\n    job: J\n    cron: '99 * * * *'\n"
    with pytest.raises(ScheduleError) as caught:
        read(text, "s.yml")
    assert caught.value.mistakes == (
        Mistake("defaults: expected jitter to be not negative and at most a year, got -1", "s.yml", 1),
        Mistake("cron '99 * * * *': cannot read '99' as the minute", "s.yml", 5, "a"),
    )
    assert str(caught.value).splitlines() == [str(mistake) for mistake in caught.value.mistakes]
    assert pickle.loads(pickle.dumps(caught.value)).mistakes == caught.value.mistakes
    with pytest.raises(ScheduleError) as caught:
        load(tmp_path / "none.yml")
    assert caught.value.mistakes == (Mistake("cannot be read: No such file or directory", str(tmp_path / "none.yml")),)


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registration, "_registered", {})


def test_the_same_in_code(code: None) -> None:
    made = register("nightly", cron="0 3 * * *", job=fine, schedule="billing", jitter=30)
    assert (made.job, made.source, made.jitter) == ("schedule.fine", "code", 30_000)
    assert register("nightly", cron="0 3 * * *", job=fine, schedule="billing", jitter=30) == made
    with pytest.raises(ScheduleError, match="two entries of schedule 'billing' are called 'nightly'"):
        register("nightly", cron="0 4 * * *", job=fine, schedule="billing")
    with pytest.raises(ScheduleError, match=r"unknown key 'jiter'.*\nunknown key 'zone'.*\nexpected either"):
        register("third", job=fine, jiter=5, zone="UTC")
    with pytest.raises(ScheduleError, match="expected job to be a job or its name, got 5"):
        register("other", every=5, job=5)


def test_a_job_of_any_engine_is_known_by_its_name(code: None) -> None:
    @dramatiq.actor(broker=StubBroker(), actor_name="shop.report")
    def report() -> None: ...

    @taskiq.InMemoryBroker().task(task_name="shop.mail")
    async def mail() -> None: ...

    task = celery.Celery(broker="memory://").task(name="shop.charge")(check)
    given = {"dramatiq": report, "taskiq": mail, "celery": task, "rq": fate}
    made = {name: register(name, every=5, job=job).job for name, job in given.items()}
    path = "tests.unit.periodic.test_claiming.fate"
    assert made == {"dramatiq": "shop.report", "taskiq": "shop.mail", "celery": "shop.charge", "rq": path}
    with pytest.raises(ScheduleError, match=r"expected job to be a job or its name, got <function .*lambda"):
        register("other", every=5, job=lambda: None)


def test_a_job_that_is_known_to_need_arguments_is_refused_at_run_time_too() -> None:
    client = Shiftboss("fake://needs")
    with pytest.raises(ScheduleError, match=r"^nightly: a periodic job gets no arguments: schedule.needs: "):
        put("nightly", every=60, job=needs, client=client)
    assert put("nightly", every=60, job="of.another.process", client=client).source == "runtime"
    client.close()


@pytest.mark.parametrize("limit", [0, -1, 2.5])
def test_a_history_of_no_length_is_refused(limit: Any) -> None:
    with pytest.raises(ConfigError, match=f"expected limit to be a whole number from 1 on, got {limit}"):
        history("nightly", limit=limit, client=Shiftboss("fake://limits"))


def test_a_moment_without_a_zone_is_refused() -> None:
    (entry, _) = read(GOOD).entries
    with pytest.raises(ScheduleError, match="expected after to be a datetime with a time zone, got datetime"):
        upcoming(entry, 1, after=datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize("name", ["my {x}", "", "a" * 129, 5, None])
def test_a_name_that_no_schedule_can_have_is_refused_in_code_as_in_a_file(code: None, name: Any) -> None:
    message = r"expected schedule to be a name of 1 to 128 letters, digits or any of - _ \. :, got "
    with pytest.raises(ScheduleError, match=message):
        register("nightly", cron="0 3 * * *", job=fine, schedule=name)
    with pytest.raises(ScheduleError, match=message):
        put("nightly", cron="0 3 * * *", job=fine, schedule=name, client=Shiftboss("fake://names"))
    assert registration.schedules() == []


def test_file_comes_before_code_and_code_before_run_time(code: None) -> None:
    in_code = register("poll", every=7, job="InCode", schedule="billing")
    schedule = complete(read(GOOD))
    assert [(one.name, one.source) for one in schedule.entries] == [("nightly-report", "file"), ("poll", "file")]
    at_run_time = Entry(name="poll", job="X", every=1000, source="runtime")
    assert merged([at_run_time], [in_code]) == (in_code,)


def check(jobs: dict[str, Any]) -> None:
    entries = tuple(Entry(name=name, job=what, every=1000) for name, what in jobs.items())
    check_jobs(Schedule("x", entries), Shiftboss("fake://check").engine)


def test_jobs_that_need_arguments_or_are_not_known_are_refused() -> None:
    check({"fine": "schedule.fine", "ruby": "Reports::Nightly"})
    with pytest.raises(ScheduleError) as caught:
        check({"needs": "schedule.needs", "unknown": "app.jobs.nobody"})
    first, second = str(caught.value).splitlines()
    assert first.startswith("needs: a periodic job gets no arguments: schedule.needs: ")
    assert second == "unknown: no job is called 'app.jobs.nobody' here; name the module that defines it with --require"


def test_a_job_of_a_file_that_is_refused_is_told_with_its_file_and_line(code: None) -> None:
    register("in-code", every=5, job="app.jobs.nobody", schedule="billing")
    with pytest.raises(ScheduleError) as caught:
        check_jobs(complete(read(GOOD.replace("Poll", "schedule.needs"), "s.yml")), Shiftboss("fake://check").engine)
    first, second, third = str(caught.value).splitlines()
    assert first.startswith("s.yml:7: nightly-report: no job is called 'app.jobs.NightlyReport' here")
    assert second.startswith("s.yml:17: poll: a periodic job gets no arguments: schedule.needs: ")
    assert third.startswith("in-code: no job is called 'app.jobs.nobody' here")
