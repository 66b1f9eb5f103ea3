"""`shiftboss worker` as a process."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from shiftboss import Shiftboss, periodic
from shiftboss.batches import Batch
from tests.backends import Backend
from tests.integration.cli.processes import TIMEOUT, running
from tests.waiting import wait_until

pytestmark = [pytest.mark.backends("embedded"), pytest.mark.own_keys]
ROOT = Path(__file__).resolve().parents[3]
APP = "tests.integration.cli.app"


def test_it_runs_jobs_and_callbacks_until_it_is_told_to_stop(
    client: Shiftboss, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIFTBOSS_URL", backend.url)
    from tests.integration.cli.app import Noted, note, note_elsewhere

    batch = Batch().on("success", Noted, {"why": "test"})
    with batch.jobs():
        note.perform_async("first")
        note_elsewhere.perform_async("second")
    words = ["worker", "-r", APP, "-q", "other,2", "-q", "default", "-c", "1", "--redis", backend.url]
    with running(*words, cwd=ROOT) as worker:
        wait_until(lambda: backend.raw.llen("test:notes") == 3, what="two jobs and a callback")
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=TIMEOUT)
    assert worker.returncode == 0
    notes = backend.raw.lrange("test:notes", 0, -1)
    assert (sorted(notes[:2]), notes[2]) == (["first", "second"], "2 done, {'why': 'test'}")
    banner = log.splitlines()[0]
    assert "2 jobs, 2 queues (other,2 default,1), 1 slot, " in banner
    assert banner.endswith(f" at {backend.url}")
    assert "Traceback" not in log


def test_the_environment_names_the_server_too(
    client: Shiftboss, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIFTBOSS_URL", backend.url)
    from tests.integration.cli.app import note

    note.perform_async("only")
    with running("worker", "-r", APP, "--log-level", "warning", cwd=ROOT) as worker:
        wait_until(lambda: backend.raw.llen("test:notes") == 1, what="the job")
        worker.send_signal(signal.SIGINT)
        out, log = worker.communicate(timeout=TIMEOUT)
    assert (worker.returncode, out, log) == (0, "", "")


def test_it_says_at_its_start_that_many_queues_are_polled(backend: Backend) -> None:
    queues = [word for number in range(9) for word in ("-q", f"many{number}")]
    with running("worker", "-r", APP, *queues, "--redis", backend.url, cwd=ROOT) as worker:
        wait_until(lambda: backend.raw.smembers("processes"), 20, "the worker to be up")
        wait_until(lambda: backend.raw.info("commandstats").get("cmdstat_evalsha"), what="the first fetch")
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=TIMEOUT)
    assert "9 queues: more than 8 are polled, every 50 ms to 1 s" in log


def test_json_logs_have_an_object_a_line_with_the_facts_of_each_job(
    client: Shiftboss, backend: Backend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHIFTBOSS_URL", backend.url)
    from tests.integration.cli.app import note

    jid = note.perform_async("only")
    with running("worker", "-r", APP, "--log-format", "json", cwd=ROOT) as worker:
        wait_until(lambda: backend.raw.llen("test:notes") == 1, what="the job")
        worker.send_signal(signal.SIGTERM)
        _, log = worker.communicate(timeout=TIMEOUT)
    lines = [json.loads(line) for line in log.splitlines()]
    assert {line["level"] for line in lines} == {"info"}
    assert {"at", "level", "logger", "process", "text"} <= set(lines[0])
    assert [line["text"].split()[0] for line in lines if line.get("jid") == jid] == ["start", "done"]


def test_a_server_that_evicts_is_warned_of(backend: Backend) -> None:
    backend.raw.config_set("maxmemory-policy", "allkeys-lru")
    try:
        with running("worker", "-r", APP, "--log-level", "warning", "--redis", backend.url, cwd=ROOT) as worker:
            wait_until(lambda: backend.raw.smembers("processes"), 20, "the worker to be up")
            worker.send_signal(signal.SIGTERM)
            _, log = worker.communicate(timeout=TIMEOUT)
    finally:
        backend.raw.config_set("maxmemory-policy", "noeviction")
    assert "maxmemory-policy is allkeys-lru" in log


def test_with_no_lead_a_worker_deploys_its_schedule_and_lets_others_fire_it(backend: Backend, tmp_path: Path) -> None:
    schedule = tmp_path / "schedule.yml"
    schedule.write_text("jobs:\n  yearly: {cron: '0 3 1 1 *', job: Tick}\n")
    with running(
        "worker", "-r", APP, "--schedule", str(schedule), "--no-lead", "--redis", backend.url, cwd=ROOT
    ) as worker:
        wait_until(lambda: backend.raw.smembers("processes"), 20, "the worker to be up")
        wait_until(lambda: backend.raw.smembers("sb:schedules"), 20, "the schedule to be deployed")
        worker.send_signal(signal.SIGTERM)
        worker.communicate(timeout=TIMEOUT)
    with Shiftboss(backend.url) as client:
        assert [entry.entry.name for entry in periodic.entries(client=client)] == ["yearly"]
        assert periodic.leader(client=client) is None
