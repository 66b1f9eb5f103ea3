"""Workers that are killed, at named points and at random moments, whose server dies or is full, whose jobs run wild.

Afterwards every job has run at least once, none is left in flight, the counts are those of what was acknowledged, and what
kills its processes is among the dead. The seed is printed; STRESS_SEED repeats it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shiftboss import DeadSet, Queue, Shiftboss, Stats
from shiftboss.engines.sidekiq.worker import Worker
from tests.backends import Backend
from tests.servers import ServerProcess
from tests.stress import fire_jobs
from tests.stress.fleet import ROOT, Fleet
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("embedded", "redis")
APP = ("--require", "tests.stress.fire_jobs", "-q", "fire", "--log-level", "error", "-c", "5")
BOUNDED_JOBS, JOBS = 2_000, 20_000


def ran(notes: Path) -> set[int]:
    return set(map(int, notes.read_text().split())) if notes.exists() else set()


def in_flight(backend: Backend) -> int:
    return sum(backend.raw.llen(name) for name in backend.raw.keys("sb:inflight:*"))


def is_idle(backend: Backend) -> bool:
    return not backend.raw.llen("queue:fire") and not in_flight(backend)


def silence_all(backend: Backend) -> None:
    """Let every heartbeat run out at once; those that live beat again."""
    backend.raw.delete(*backend.raw.smembers("processes"), "none")


def push(notes: Path, count: int) -> None:
    fire_jobs.line.perform_bulk((str(notes), number) for number in range(count))


def buried(client: Shiftboss) -> set[int]:
    """Jobs under which three processes died by chance: not lost, but among the dead."""
    return {entry.args[1] for entry in DeadSet(client=client) if entry.error_class == "PoisonPill"}


@pytest.mark.parametrize("point", fire_jobs.POINTS)
@pytest.mark.backends("embedded")
def test_a_kill_at_any_point_loses_no_job(client: Shiftboss, backend: Backend, tmp_path: Path, point: str) -> None:
    notes, log = tmp_path / "notes", tmp_path / "log"
    push(notes, 60)
    env = {**os.environ, "PYTHONPATH": str(ROOT), "FIRE_POINT": point, "FIRE_AFTER": "3"}
    command = [sys.executable, "-m", "shiftboss.cli", "worker", "--redis", backend.url, *APP]
    with log.open("ab") as out:
        victim = subprocess.Popen(command, cwd=ROOT, env=env, stdout=out, stderr=out)
    assert victim.wait(30) == -signal.SIGKILL, log.read_text()
    silence_all(backend)
    with Worker(client, ["fire"], concurrency=5):
        wait_until(lambda: is_idle(backend), 30, "all jobs to have run")
    assert ran(notes) == set(range(60))
    assert Stats.read().processed == 60, "each is counted once"


@pytest.mark.parametrize(
    ("count", "kills"),
    [
        pytest.param(BOUNDED_JOBS, 6, id="bounded"),
        pytest.param(JOBS, 60, id="whole", marks=[pytest.mark.stress, pytest.mark.timeout(600)]),
    ],
)
def test_kills_at_random_moments_lose_no_job(
    client: Shiftboss, backend: Backend, tmp_path: Path, count: int, kills: int
) -> None:
    seed = int(os.environ.get("STRESS_SEED", random.randrange(1_000_000)))
    print(f"seed {seed}", flush=True)
    chance, notes = random.Random(seed), tmp_path / "notes"
    with Fleet(backend, tmp_path / "log", *APP, size=4) as fleet:
        for _ in range(kills):
            push_more(notes, count // kills, backend)
            end = time.monotonic() + chance.uniform(0, 0.1)
            wait_until(lambda: time.monotonic() > end)  # noqa: B023
            number = chance.randrange(4)
            fleet.silence(fleet.kill(number))
            fleet.start(number)
        wait_until(lambda: is_idle(backend), 120, "all jobs to have run")
        wait_until(fleet.live, 60, "the dead to be forgotten")
        fleet.stop()
    pushed = int(backend.raw.get("test:pushed"))
    backend.raw.delete("test:pushed")
    assert ran(notes) | buried(client) == set(range(pushed))
    stats = Stats.read()
    assert (stats.processed, stats.failed, stats.retries) == (pushed, len(buried(client)), 0)


def push_more(notes: Path, count: int, backend: Backend) -> None:
    first = backend.raw.incrby("test:pushed", count) - count
    fire_jobs.line.perform_bulk((str(notes), number) for number in range(first, first + count))


@pytest.fixture
def saving(backend: Backend) -> Iterator[ServerProcess]:
    """A server that writes down each command before it answers."""
    assert backend.process is not None
    with ServerProcess(backend.process.binary, "--appendonly", "yes", "--appendfsync", "always") as server:
        yield server


def test_a_server_that_is_killed_and_started_again_loses_no_job(saving: ServerProcess, tmp_path: Path) -> None:
    notes, client, plain = tmp_path / "notes", Shiftboss(saving.url), saving.client()
    with client, Worker(client, ["fire"], concurrency=5) as worker:
        for round_ in range(3):
            fire_jobs.line.perform_bulk((str(notes), number) for number in range(round_ * 300, round_ * 300 + 300))
            wait_until(lambda: len(ran(notes)) > round_ * 300 + 20, 30, "jobs to run")  # noqa: B023
            saving.kill()
            saving.start()
        wait_until(lambda: len(ran(notes)) == 900, 60, "all jobs to have run")
        wait_until(lambda: not plain.llen(f"sb:inflight:{worker.identity}"), 30, "all to be acknowledged")
        assert plain.get("stat:processed") == "900"


def test_a_full_server_loses_no_job(client: Shiftboss, backend: Backend, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    push(notes, 300)
    try:
        with Worker(client, ["fire"], concurrency=5):
            backend.raw.config_set("maxmemory", 1)
            wait_until(lambda: len(ran(notes)) == 300, 30, "all jobs to have run")
            wait_until(lambda: is_idle(backend), 30, "all to be acknowledged")
    finally:
        backend.raw.config_set("maxmemory", 0)
    assert Stats.read().processed == 300


@pytest.mark.backends("embedded")
def test_wild_jobs_take_nobody_with_them(client: Shiftboss, backend: Backend, tmp_path: Path) -> None:
    kinds = ["exit", "recurse", "memory", "interrupt", "stop iteration", "read", "print", "process"]
    notes = tmp_path / "notes"
    for kind in kinds:
        fire_jobs.wild.perform_async(kind)
    with Fleet(backend, tmp_path / "log", *APP, size=1) as fleet:
        push(notes, 20)
        wait_until(lambda: len(ran(notes)) == 20, 30, "the tame jobs to have run")
        wait_until(lambda: len(DeadSet()) == len(kinds), 30, "the wild ones to have failed")
        fleet.stop()
    assert sorted(entry.args[0] for entry in DeadSet()) == sorted(kinds)


@pytest.mark.backends("embedded")
def test_a_job_that_kills_its_processes_ends_among_the_dead_and_others_go_on(
    client: Shiftboss, backend: Backend, tmp_path: Path
) -> None:
    jid, notes = fire_jobs.die.perform_async(), tmp_path / "notes"
    push(notes, 20)
    command = [sys.executable, "-m", "shiftboss.cli", "worker", "--redis", backend.url, *APP]
    for _ in range(3):
        with (tmp_path / "log").open("ab") as out:
            victim = subprocess.Popen(command, cwd=ROOT, stdout=out, stderr=out)
        assert victim.wait(30) == -signal.SIGKILL
        silence_all(backend)
    with Worker(client, ["fire"], concurrency=5):
        dead = wait_until(lambda: DeadSet().find(jid), 30, "the dead set")
        wait_until(lambda: ran(notes) | buried_lines(client) == set(range(20)), 30, "the others to have run")
    assert dead.error_class == "PoisonPill"


def buried_lines(client: Shiftboss) -> set[int]:
    return {entry.args[1] for entry in DeadSet(client=client) if entry.name == "line"}


def test_a_release_that_adds_a_field_works_beside_this_one(client: Shiftboss, backend: Backend, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    job = {"class": "line", "args": [str(notes), 1], "queue": "fire", "jid": "ab" * 12, "retry": True}
    spaced = json.dumps({**job, "new_field": {"x": [1]}, "created_at": 1.5}, indent=1)
    backend.raw.lpush("queue:fire", spaced, json.dumps({**job, "args": ["/nowhere/at/all", 2], "new_field": 2**60}))
    with Worker(client, ["fire"], concurrency=2):
        wait_until(lambda: ran(notes) == {1} and Stats.read().retries == 1, 20, "both to have run")
        wait_until(lambda: is_idle(backend), 20, "both to be acknowledged")
    (kept,) = map(json.loads, backend.raw.zrange("retry", 0, -1))
    assert kept["new_field"] == 2**60


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(30_000, id="bounded"),
        pytest.param(1_000_000, id="whole", marks=[pytest.mark.stress, pytest.mark.timeout(900)]),
    ],
)
@pytest.mark.backends("embedded")
def test_memory_does_not_grow_with_the_jobs(client: Shiftboss, backend: Backend, tmp_path: Path, count: int) -> None:
    with Fleet(backend, tmp_path / "log", *APP, size=1) as fleet:
        used = []
        for _ in range(3):
            left = count // 3
            while left > 0:
                fire_jobs.line.perform_bulk((os.devnull, number) for number in range(min(left, 20_000)))
                wait_until(lambda: len(Queue("fire")) < 1_000, 120, "the jobs to run")
                left -= 20_000
            wait_until(lambda: is_idle(backend), 60, "all jobs to have run")
            used.append(rss_kb(fleet))
        fleet.stop()
    assert used[-1] < used[0] + 8_000, f"memory after each third: {used} kB"


def rss_kb(fleet: Fleet) -> int:
    (process,) = fleet._processes.values()
    return int(Path(f"/proc/{process.pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024
