"""`shiftboss queues|retries|scheduled|dead|failures|processes|stats|enqueue`, with a fake server in this process."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from click.testing import Result

from shiftboss import Shiftboss
from shiftboss.engines.sidekiq import registry
from shiftboss.engines.sidekiq.worker import Worker
from shiftboss.jobs import Message
from shiftboss.scripts import command
from tests.waiting import wait_until

Run = Callable[..., Result]
JID = "ab12cd34ab12cd34ab12cd34"


@pytest.fixture
def client(url: str) -> Shiftboss:
    return Shiftboss(url)


def push(client: Shiftboss, *ids: str, queue: str = "low", at: float | None = None) -> None:
    client.perform(client.push([Message("Greet", ("a\x1b[2Jb", n), queue, jid, at) for n, jid in enumerate(ids)]))


def fail(client: Shiftboss, jid: str = JID, where: str = "retry", at: float | None = None) -> None:
    raw = (
        f'{{"class":"Greet","args":[7],"queue":"low","jid":"{jid}","retry":true,"created_at":1700000000000,'
        '"retry_count":3,"failed_at":1700000000000,"error_class":"ValueError","error_message":"no\\nway"}'
    )
    at = at or time.time() + (3600 if where == "retry" else -60)
    client.store.run(command("ZADD", [where], [at, raw], int))


def test_queues_are_listed(shiftboss: Run, url: str, client: Shiftboss) -> None:
    none = shiftboss("queues", "ls", "--redis", url)
    assert (none.exit_code, none.stdout) == (0, "")
    assert "no queues at" in none.stderr
    push(client, "a" * 24, "b" * 24)
    push(client, "c" * 24, queue="high")
    assert shiftboss("queues", "pause", "low", "--redis", url).stdout == "queue low is paused\n"
    shown = shiftboss("queues", "ls", "--redis", url).stdout.splitlines()
    assert [line.split() for line in shown] == [
        ["QUEUE", "JOBS", "LATENCY", "STATE"],
        ["high", "1", "0", "s", "no", "worker"],
        ["low", "2", "0", "s", "paused"],
    ]
    found = json.loads(shiftboss("queues", "ls", "--json", "--redis", url).stdout.splitlines()[1])
    assert (found["name"], found["size"], found["paused"]) == ("low", 2, True)
    assert shiftboss("queues", "pause", "low", "--redis", url).stdout == "queue low is paused already\n"
    assert shiftboss("queues", "resume", "low", "--redis", url).stdout == "queue low is resumed\n"
    assert shiftboss("queues", "resume", "low", "--redis", url).stdout == "queue low was not paused\n"


def test_a_pause_of_a_queue_without_jobs_says_so_and_is_listed(shiftboss: Run, url: str, client: Shiftboss) -> None:
    push(client, "a" * 24)
    paused = shiftboss("queues", "pause", "low", "lwo", "--redis", url)
    assert paused.stdout == "queue low is paused\nqueue lwo is paused; it has no jobs yet\n"
    shown = shiftboss("queues", "ls", "--redis", url).stdout.splitlines()
    assert [line.split() for line in shown[1:]] == [["low", "1", "0", "s", "paused"], ["lwo", "0", "paused"]]


def test_a_queue_is_shown_and_emptied(shiftboss: Run, url: str, client: Shiftboss) -> None:
    push(client, "a" * 24, "b" * 24, "c" * 24)
    shown = shiftboss("queues", "show", "low", "-n", "2", "--redis", url)
    heading, newest, next_one = shown.stdout.splitlines()
    assert heading.split() == ["ID", "WHEN", "QUEUE", "JOB", "ARGUMENTS"]
    assert newest.startswith("c" * 24)
    assert newest.endswith(r'Greet  "a\u001b[2Jb", 2')
    assert next_one.startswith("b" * 24)
    assert "the first 2 jobs; more with -n" in shown.stderr
    gone = shiftboss("queues", "rm", "low", "b" * 24, "--yes", "--redis", url)
    assert gone.stdout == "1 job is gone\n"
    again = shiftboss("queues", "rm", "low", "b" * 24, "--yes", "--redis", url)
    assert (again.exit_code, "no job" in again.stderr) == (1, True)
    refused = shiftboss("queues", "clear", "low", "--redis", url, answer="n\n")
    assert (refused.exit_code, "nothing was done" in refused.stderr) == (1, True)
    assert shiftboss("queues", "clear", "low", "--yes", "--redis", url).stdout == "2 jobs are gone\n"
    unknown = shiftboss("queues", "show", "low", "--redis", url)
    assert (unknown.exit_code, "no queue 'low'" in unknown.stderr) == (1, True)


def test_retries_are_listed_and_shown(shiftboss: Run, url: str, client: Shiftboss) -> None:
    none = shiftboss("retries", "ls", "--redis", url)
    assert (none.exit_code, "no jobs that wait to run again at" in none.stderr) == (0, True)
    fail(client)
    heading, line = shiftboss("retries", "ls", "--redis", url).stdout.splitlines()
    assert heading.split() == ["ID", "WHEN", "QUEUE", "JOB", "ARGUMENTS", "ATTEMPTS", "ERROR"]
    assert line.split() == [JID, "in", "59", "min", "low", "Greet", "7", "4", "ValueError:", "no", "way"]
    facts = shiftboss("retries", "show", JID, "--redis", url).stdout.splitlines()
    assert "argument  7" in facts
    assert "error     ValueError: no way" in facts
    assert any(fact.startswith("due       ") and fact.endswith("(in 59 min)") for fact in facts)
    found = json.loads(shiftboss("retries", "show", JID, "--json", "--redis", url).stdout)
    assert (found["jid"], found["args"], found["retry_count"]) == (JID, [7], 3)
    missing = shiftboss("retries", "show", "nope", "--redis", url)
    assert (missing.exit_code, "no job 'nope' among the jobs that wait" in missing.stderr) == (1, True)


def test_retries_are_run_killed_and_dropped(shiftboss: Run, url: str, client: Shiftboss) -> None:
    for jid in ("a" * 24, "b" * 24, "c" * 24, "d" * 24):
        fail(client, jid)
    assert shiftboss("retries", "retry", "a" * 24, "--redis", url).stdout == "1 job is in its queue\n"
    assert shiftboss("retries", "kill", "b" * 24, "--yes", "--redis", url).stdout == "1 job is dead\n"
    assert shiftboss("retries", "rm", "c" * 24, "--yes", "--redis", url).stdout == "1 job is gone\n"
    assert shiftboss("retries", "kill", "--all", "--yes", "--redis", url).stdout == "1 job is dead\n"
    for words in (["retries", "retry"], ["retries", "kill", "--all", "x"]):
        wrong = shiftboss(*words, "--redis", url)
        assert (wrong.exit_code, "give the ids of jobs, or --all" in wrong.stderr) == (2, True)
    assert shiftboss("dead", "retry", "--all", "--yes", "--redis", url).stdout == "2 jobs are in their queues\n"
    stats = json.loads(shiftboss("stats", "--json", "--redis", url).stdout)
    assert (stats["retries"], stats["dead"], stats["enqueued"]) == (0, 0, 3)


def test_a_question_counts_as_people_do_and_no_is_an_answer(shiftboss: Run, url: str, client: Shiftboss) -> None:
    push(client, "a" * 24, at=time.time() + 5000)
    push(client, "b" * 24)
    asked = shiftboss("scheduled", "clear", "--redis", url, answer="n\n")
    assert f"drop 1 scheduled job at {url}?" in asked.stderr
    assert asked.stderr.endswith("shiftboss: nothing was done\n")
    nobody = shiftboss("scheduled", "clear", "--redis", url)
    assert nobody.stderr.endswith("shiftboss: nothing was done; --yes answers the question\n")
    push(client, "c" * 24, at=time.time() + 5000)
    for words, question in (
        (["scheduled", "clear"], "drop all 2 scheduled jobs at"),
        (["scheduled", "run-now", "--all"], "run all 2 scheduled jobs now?"),
        (["scheduled", "kill", "--all"], "kill all 2 scheduled jobs?"),
        (["scheduled", "kill", "c" * 24], "kill 1 scheduled job?"),
        (["queues", "clear", "low"], f"drop 1 job of low at {url}?"),
    ):
        assert question in shiftboss(*words, "--redis", url, answer="n\n").stderr


def test_scheduled_jobs_run_now_and_the_dead_are_cleared(shiftboss: Run, url: str, client: Shiftboss) -> None:
    push(client, JID, at=time.time() + 5000)
    fail(client, "b" * 24, where="dead")
    assert "in 83 min" in shiftboss("scheduled", "ls", "--redis", url).stdout
    assert "1 min ago" not in shiftboss("scheduled", "ls", "--redis", url).stdout
    assert shiftboss("scheduled", "run-now", JID, "--redis", url).stdout == "1 job is in its queue\n"
    assert "died      " in shiftboss("dead", "show", "b" * 24, "--redis", url).stdout
    assert shiftboss("dead", "clear", "--yes", "--redis", url).stdout == "1 job is gone\n"


def test_what_cannot_be_read_is_listed(shiftboss: Run, url: str, client: Shiftboss) -> None:
    client.store.run(command("ZADD", ["dead"], [time.time(), b"not \xff json{"], int))
    (_, line) = shiftboss("dead", "ls", "--redis", url).stdout.splitlines()
    assert line.strip().startswith(r"not \xff json{")
    assert json.loads(shiftboss("dead", "ls", "--json", "--redis", url).stdout)["jid"] == ""


def test_a_retry_that_is_overdue_has_not_died(shiftboss: Run, url: str, client: Shiftboss) -> None:
    fail(client, at=time.time() - 60)
    facts = shiftboss("retries", "show", JID, "--redis", url).stdout
    assert "due       " in facts
    assert "died" not in facts


def test_what_is_changed_is_told_to_programs(shiftboss: Run, url: str, client: Shiftboss) -> None:
    def told(*words: str) -> list[object]:
        done = shiftboss(*words, "--json", "--redis", url)
        assert (done.exit_code, done.stderr) == (0, "")
        return [json.loads(line) for line in done.stdout.splitlines()]

    (now,) = told("enqueue", "Greet", "1", "-q", "low")
    assert (now["queue"], now["at"]) == ("low", None)
    (later,) = told("enqueue", "Greet", "2", "-q", "low", "--in", "1h")
    assert datetime.fromisoformat(later["at"]) > datetime.now(UTC)
    assert told("queues", "pause", "low", "high") == [
        {"name": "low", "paused": True, "changed": True},
        {"name": "high", "paused": True, "changed": True},
    ]
    assert told("queues", "resume", "low") == [{"name": "low", "paused": False, "changed": True}]
    assert told("queues", "rm", "low", now["jid"], "--yes") == [{"jobs": 1}]
    assert told("scheduled", "run-now", later["jid"]) == [{"jobs": 1}]
    assert told("queues", "clear", "low", "--yes") == [{"jobs": 1}]
    for jid in ("a" * 24, "b" * 24):
        fail(client, jid)
    assert told("retries", "kill", "a" * 24, "--yes") == [{"jobs": 1}]
    assert told("retries", "rm", "b" * 24, "--yes") == [{"jobs": 1}]
    assert told("dead", "clear", "--yes") == [{"jobs": 1}]
    assert told("failures", "clear", "--yes") == [{"failures": 0}]
    client.store.run(command("SET", ["stat:processed"], [7], bytes))
    assert told("stats", "reset", "--yes") == [{"processed": 7, "failed": 0}]


def test_failures_and_processes_are_listed(shiftboss: Run, url: str, client: Shiftboss) -> None:
    for group in ("failures", "processes"):
        none = shiftboss(group, "ls", "--redis", url)
        assert (none.exit_code, none.stdout) == (0, "")
    push(client, JID)
    with Worker(client, ["low"], concurrency=1) as worker:
        listed = shiftboss("processes", "ls", "--redis", url).stdout
        wait_until(lambda: shiftboss("failures", "ls", "--redis", url).stdout, what="the failure")
        asked = shiftboss("processes", "quiet", worker.identity, "--redis", url)
        assert asked.stdout == f"{worker.identity} will take no more jobs\n"
        told = shiftboss("processes", "stop", worker.identity, "--yes", "--json", "--redis", url)
        assert json.loads(told.stdout) == {"identity": worker.identity, "asked": "stop"}
    assert worker.identity in listed
    assert listed.splitlines()[0].split() == [
        "PROCESS",
        "STATE",
        "BUSY",
        "SLOTS",
        "MEMORY",
        "STARTED",
        "BEAT",
        "QUEUES",
    ]
    heading, line = shiftboss("failures", "ls", "--redis", url).stdout.splitlines()
    assert heading.split() == ["AGO", "ID", "JOB", "QUEUE", "ATTEMPT", "HOST", "BECAME", "ERROR"]
    assert JID in line
    assert "retry" in line
    assert "no job is called 'Greet' here" in shiftboss("failures", "show", JID, "--redis", url).stdout
    assert shiftboss("failures", "show", "nope", "--redis", url).exit_code == 1
    assert json.loads(shiftboss("failures", "ls", "--json", "--redis", url).stdout)["jid"] == JID
    assert shiftboss("failures", "clear", "--yes", "--redis", url).exit_code == 0
    assert shiftboss("failures", "ls", "--redis", url).stdout == ""
    gone = shiftboss("processes", "stop", worker.identity, "--yes", "--redis", url)
    assert (gone.exit_code, "no process" in gone.stderr) == (1, True)
    assert shiftboss("processes", "jobs", "--redis", url).exit_code == 0


def test_stats_are_shown_and_reset(shiftboss: Run, url: str, client: Shiftboss) -> None:
    client.store.run(command("SET", ["stat:processed"], [1234], bytes))
    assert shiftboss("stats", "--redis", url).stdout.splitlines()[0] == "processed 1,234"
    assert shiftboss("stats", "reset", "--yes", "--redis", url).stdout == "the counts are 0\n"
    assert json.loads(shiftboss("stats", "--json", "--redis", url).stdout)["processed"] == 0


def test_a_job_is_pushed_by_hand(shiftboss: Run, url: str, client: Shiftboss) -> None:
    pushed = shiftboss("enqueue", "Images::Resize", '"a.png"', "800", '{"deep": [1]}', "-q", "ruby", "--redis", url)
    assert (pushed.exit_code, pushed.stderr) == (0, "in queue ruby\n")
    found = json.loads(shiftboss("queues", "show", "ruby", "--json", "--redis", url).stdout)
    assert (found["jid"], found["class"]) == (pushed.stdout.strip(), "Images::Resize")
    assert found["args"] == ["a.png", 800, {"deep": [1]}]
    later = shiftboss("enqueue", "Greet", "--in", "2h", "--redis", url)
    assert later.stderr == "due in 2 h\n"
    assert later.stdout.strip() in shiftboss("scheduled", "ls", "--redis", url).stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["Greet", "a.png"], """expected JSON, got 'a.png'; a text has quotes of its own: '"a.png"'"""),
        (["Greet", "--in", "soon"], "expected a time like 30s, 5m, 2h or 1d, got 'soon'"),
        (["Greet", "-q", "low,3"], "expected 1 to 128 characters without spaces or commas, got 'low,3'"),
        (["Greet", "-q", ""], "expected 1 to 128 characters without spaces or commas, got ''"),
        (["Greet", "--inline", "--in", "5"], "--inline runs the job here and now"),
        (["Greet", "--inline", "--json"], "--inline runs the job here and now"),
        (["Greet", "--in", "-5"], "expected a time like 30s, 5m, 2h or 1d, got '-5'"),
        (["Greet", "-x"], "unknown option '-x'"),
        (
            ["Greet me"],
            "invalid value for 'NAME': expected 1 to 128 characters without spaces or commas, got 'Greet me'",
        ),
    ],
)
def test_what_cannot_be_pushed_is_said(shiftboss: Run, url: str, words: list[str], said: str) -> None:
    wrong = shiftboss("enqueue", *words, "--redis", url)
    assert (wrong.exit_code, said in wrong.stderr) == (2, True), wrong.stderr


def test_arguments_of_an_unknown_job_are_checked_too(shiftboss: Run, url: str, client: Shiftboss) -> None:
    wrong = shiftboss("enqueue", "Greet", "NaN", "--redis", url)
    assert (wrong.exit_code, "args[0]" in wrong.stderr) == (1, True), wrong.stderr
    assert json.loads(shiftboss("stats", "--json", "--redis", url).stdout)["enqueued"] == 0


def test_an_unknown_job_cannot_run_inline(shiftboss: Run, url: str) -> None:
    wrong = shiftboss("enqueue", "NoSuchJob", "--inline", "--redis", url)
    assert (wrong.exit_code, "no job is called 'NoSuchJob' here" in wrong.stderr) == (1, True)


def test_negative_numbers_are_arguments(shiftboss: Run, url: str) -> None:
    assert shiftboss("enqueue", "Greet", "-1", "2", "-2.5e3", "--redis", url).exit_code == 0
    found = json.loads(shiftboss("queues", "show", "default", "--json", "--redis", url).stdout)
    assert found["args"] == [-1, 2, -2500.0]


@pytest.fixture
def jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A module with jobs that raise."""
    (tmp_path / "dying_jobs.py").write_text(
        "from shiftboss import job\n\n\n@job\ndef dies(n: int) -> None:\n    raise ValueError(f'no: {n}')\n\n\n"
        "@job\nasync def dies_later(n: int) -> None:\n    raise ValueError(f'no: {n}')\n"
    )
    monkeypatch.chdir(tmp_path)
    yield "dying_jobs"
    sys.modules.pop("dying_jobs", None)
    for name in ("dies", "dies_later"):
        registry._definitions.pop(f"dying_jobs.{name}", None)


@pytest.mark.parametrize("name", ["dying_jobs.dies", "dying_jobs.dies_later"])
def test_a_job_that_raises_inline_is_told_as_its_own_failure(shiftboss: Run, url: str, jobs: str, name: str) -> None:
    words = ("enqueue", name, "0", "--inline", "-r", jobs, "--redis", url)
    done = shiftboss(*words)
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr == f"shiftboss: {name} failed: ValueError: no: 0; --debug shows the traceback\n"
    shown = shiftboss(*words, "--debug").stderr
    assert "Traceback" in shown
    assert "raise ValueError(f'no: {n}')" in shown


def test_arguments_that_do_not_fit_are_no_failure_of_the_job(shiftboss: Run, url: str, jobs: str) -> None:
    done = shiftboss("enqueue", "dying_jobs.dies", "--inline", "-r", jobs, "--redis", url)
    assert done.exit_code == 1
    assert "missing a required argument: 'n'" in done.stderr
    assert "failed" not in done.stderr


def test_a_job_that_the_required_modules_do_not_define_is_pushed_with_a_warning(
    shiftboss: Run, url: str, jobs: str
) -> None:
    done = shiftboss("enqueue", "dying_jobs.dise", "0", "-r", jobs, "--redis", url)
    assert done.exit_code == 0
    warning, place = done.stderr.splitlines()
    assert warning == (
        "no job is called 'dying_jobs.dise' in dying_jobs, so it is pushed as it is; did you mean 'dying_jobs.dies'?"
    )
    assert place == "in queue default"
    assert shiftboss("enqueue", "dying_jobs.dise", "0", "--redis", url).stderr == "in queue default\n"
