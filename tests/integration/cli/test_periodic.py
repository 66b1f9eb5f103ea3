"""`shiftboss worker --schedule` and `shiftboss periodic`, as processes on a real server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from shiftboss.keys import PeriodicKeys
from tests.backends import Backend
from tests.waiting import wait_until

JOBS = """
import os
import redis
from shiftboss import job


@job(name="Note")
def note():
    redis.Redis.from_url(os.environ["SHIFTBOSS_URL"]).rpush("noted", "x")


@job(name="Slow")
def slow():
    import time
    redis.Redis.from_url(os.environ["SHIFTBOSS_URL"]).rpush("begun", "x")
    time.sleep(600)


@job(name="Needs")
def needs(what): ...
"""
SCHEDULE = "schedule: billing\njobs:\n  tick: {every: 1s, job: Note}\n  nightly: {cron: '0 3 * * *', job: Note, timezone: Europe/Berlin}\n"

pytestmark = [pytest.mark.backends("redis"), pytest.mark.own_keys]


def run(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "shiftboss.cli", *words]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=30, check=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "periodic_jobs.py").write_text(JOBS)
    (tmp_path / "schedule.yml").write_text(SCHEDULE)
    return tmp_path


def test_a_worker_fires_its_schedule_and_the_commands_show_it(folder: Path, backend: Backend) -> None:
    where = ["--redis", backend.url]
    schedule = ["--schedule", "billing", *where]
    process = subprocess.Popen(
        [sys.executable, "-m", "shiftboss.cli", "worker", "-r", "periodic_jobs", "--schedule", "schedule.yml", *where],
        cwd=folder, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        with redis.Redis.from_url(backend.url) as raw:
            wait_until(lambda: raw.llen("noted") >= 2, 30, "two ticks to run")
        listed = run(folder, "periodic", "ls", *schedule).stdout
        assert "every 1 s" in listed
        assert "0 3 * * *  Europe/Berlin" in listed
        assert ", in term " in run(folder, "periodic", "leader", *schedule).stdout
        runs = [
            json.loads(line)
            for line in run(folder, "periodic", "history", "tick", "--json", *schedule).stdout.splitlines()
        ]
        assert {one["outcome"] for one in runs} == {"enqueued"}
        assert any(one["ended"] == "succeeded" for one in runs)
        assert len(run(folder, "periodic", "next", "nightly", "-n", "3", *schedule).stdout.splitlines()) == 3
        assert run(folder, "periodic", "pause", "tick", *schedule).stdout == "entry 'tick' rests\n"
        assert "paused" in run(folder, "periodic", "ls", *schedule).stdout
        assert run(folder, "periodic", "resume", "tick", *schedule).stdout == "entry 'tick' fires again\n"
        assert len(run(folder, "periodic", "run-now", "nightly", *schedule).stdout.strip()) == 24
        assert "run now" in run(folder, "periodic", "history", "nightly", *schedule).stdout
    finally:
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors
    assert "has resigned" in errors
    gone = run(folder, "periodic", "leader", *schedule)
    assert (gone.returncode, "nobody leads schedule 'billing'" in gone.stderr) == (1, True)


def test_a_worker_that_stops_gives_up_the_lead_before_its_jobs_have_ended(folder: Path, backend: Backend) -> None:
    (folder / "schedule.yml").write_text("jobs:\n  slow: {every: 1s, job: Slow, overlap: skip}\n")
    command = [sys.executable, "-m", "shiftboss.cli", "worker", "-r", "periodic_jobs", "--schedule", "schedule.yml"]
    process = subprocess.Popen([*command, "--timeout", "600", "--redis", backend.url], cwd=folder)
    try:
        with redis.Redis.from_url(backend.url) as raw:
            wait_until(lambda: raw.llen("begun"), 30, "a job that runs")
            leader = PeriodicKeys("sb", "default").leader
            assert raw.exists(leader)
            process.send_signal(signal.SIGTERM)
            wait_until(lambda: not raw.exists(leader), 10, "the lead to be free")
        assert process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_check_needs_no_server_and_tells_all_that_is_wrong(folder: Path) -> None:
    fine = run(folder, "periodic", "check", "schedule.yml", "--require", "periodic_jobs")
    assert (fine.returncode, fine.stdout) == (0, "schedule 'billing' is fine: 2 entries\n")
    (folder / "schedule.yml").write_text("jobs:\n  a: {cron: '99 * * * *', job: X}\n  b: {every: soon, job: X}\n")
    wrong = run(folder, "periodic", "check", "schedule.yml")
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    first, second = wrong.stderr.splitlines()
    assert first.startswith("shiftboss: schedule.yml:2: a: cron '99 * * * *': cannot read '99' as the minute")
    assert second.startswith("shiftboss: schedule.yml:3: b: expected every to be a duration")
    assert "Traceback" not in wrong.stderr


def test_check_prints_what_is_wrong_as_json_too(folder: Path) -> None:
    def mistakes(*words: str) -> list[dict[str, object]]:
        ran = run(folder, "periodic", "check", "schedule.yml", "--json", *words)
        said = [json.loads(line) for line in ran.stdout.splitlines()]
        assert ran.returncode == 2
        assert len(ran.stderr.splitlines()) == len(said)
        assert all(line.endswith(one["message"]) for line, one in zip(ran.stderr.splitlines(), said, strict=True))
        return said

    (folder / "schedule.yml").write_text("queues: 5\njobs:\n  a: {cron: '99 * * * *', job: X}\n")
    top, entry = mistakes()
    assert (top["file"], top["line"], top["entry"]) == ("schedule.yml", 1, None)
    message = "cron '99 * * * *': cannot read '99' as the minute"
    assert entry == {"message": message, "file": "schedule.yml", "line": 3, "entry": "a"}
    (folder / "schedule.yml").write_text("jobs:\n  a: {every: 5, job: Needs}\n")
    (needs,) = mistakes("--require", "periodic_jobs")
    assert (needs["line"], needs["entry"]) == (2, "a")
    (folder / "schedule.yml").unlink()
    assert mistakes() == [
        {"message": "cannot be read: No such file or directory", "file": "schedule.yml", "line": None, "entry": None}
    ]


def test_check_asks_the_engine_that_the_modules_set_up(folder: Path) -> None:
    (folder / "celery_jobs.py").write_text(
        "from celery import Celery\n"
        "from shiftboss.engines.celery import install\n"
        "app = Celery('shop', broker='memory://')\n"
        "install(app)\n"
        "@app.task(name='shop.report')\n"
        "def report(): ...\n"
    )
    (folder / "schedule.yml").write_text("jobs:\n  a: {every: 5, job: shop.report}\n")
    fine = run(folder, "periodic", "check", "schedule.yml", "--require", "celery_jobs")
    assert (fine.returncode, fine.stdout) == (0, "schedule 'default' is fine: 1 entry\n"), fine.stderr
    (folder / "schedule.yml").write_text(
        "jobs:\n  a: {every: 5, job: shop.report}\n  b: {every: 5, job: shop.reportt}\n"
    )
    wrong = run(folder, "periodic", "check", "schedule.yml", "--require", "celery_jobs")
    assert wrong.returncode == 2
    assert "schedule.yml:3: b: no job is called 'shop.reportt' here" in wrong.stderr
    assert "shop.report'" not in wrong.stderr


def test_jobs_that_cannot_be_enqueued_are_refused_before_anything_runs(folder: Path, backend: Backend) -> None:
    (folder / "schedule.yml").write_text("jobs:\n  a: {every: 5, job: Needs}\n  b: {every: 5, job: app.nobody}\n")
    for words in (["worker", "--schedule", "schedule.yml"], ["periodic", "run", "schedule.yml"]):
        refused = run(folder, *words, "-r", "periodic_jobs", "--redis", backend.url)
        assert refused.returncode == 2
        first, second = refused.stderr.splitlines()[-2:]
        assert first.startswith("shiftboss: schedule.yml:2: a: a periodic job gets no arguments: Needs: ")
        assert second.startswith("shiftboss: schedule.yml:3: b: no job is called 'app.nobody' here")


def test_a_history_of_no_entry_is_told_as_of_every_other_command(folder: Path, backend: Backend) -> None:
    for words in (["history", "nope"], ["next", "nope"], ["pause", "nope"]):
        answer = run(folder, "periodic", *words, "--redis", backend.url)
        assert (answer.returncode, "no entry 'nope'" in answer.stderr) == (1, True), words


def test_that_nobody_leads_is_json_too(folder: Path, backend: Backend) -> None:
    answer = run(folder, "periodic", "leader", "--json", "--redis", backend.url)
    assert (answer.returncode, json.loads(answer.stdout)) == (1, {"owner": None, "term": None})


@pytest.mark.parametrize(
    "words", [["ls"], ["history", "x"], ["next", "x"], ["pause", "x"], ["run-now", "x"], ["leader"]]
)
def test_what_is_not_there_is_told_in_one_line(folder: Path, backend: Backend, words: list[str]) -> None:
    answer = run(folder, "periodic", *words, "--schedule", "nobody", "--redis", backend.url)
    assert answer.returncode in {0, 1}
    assert answer.stdout == ""
    assert len(answer.stderr.splitlines()) == 1
