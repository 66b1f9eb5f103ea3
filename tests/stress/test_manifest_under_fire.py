"""A manifest of many files, while workers are killed at random moments.

Afterwards it is complete and right, its callback's effect was seen once, no more files than the limit were open at any
instant, and nothing is left behind. The seed is printed; STRESS_SEED repeats it.
"""

from __future__ import annotations

import json
import os
import random
import sysconfig
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from shiftboss import Shiftboss
from shiftboss.batches import Batch, Status
from tests.backends import Backend
from tests.stress import manifest_jobs
from tests.stress.fleet import Fleet
from tests.stress.trace import Trace
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("embedded", "redis")
BOUNDED_FILES, BOUNDED_KILLS = 800, 2
LEAST_FILES, KILLS = 5_000, 5


@dataclass
class Fire:
    """One run.

    Args:
        how: Where the limiter stands: ``inside`` the job or ``around`` it.
        quick: Whether the death of a process is noticed at once instead of after a minute.
    """

    backend: Backend
    folder: Path
    how: str
    kills: int
    quick: bool

    def __post_init__(self) -> None:
        self.seed = int(os.environ.get("STRESS_SEED", random.randrange(1_000_000)))
        self.chance = random.Random(self.seed)
        self.trace = Trace(self.folder / "trace")
        self.output = self.folder / "manifest.json"
        self.limiter = manifest_jobs.LIMITERS[self.how]
        self.leases = f"sb:{{concurrent:{self.limiter.name}}}:leases"
        self.most_leases = 0

    def fleet(self) -> Fleet:
        arguments = ("--require", "tests.stress.manifest_jobs", "-q", "manifest", "--log-level", "warning")
        return Fleet(self.backend, self.folder / "log", *arguments)

    def run(self, files: list[Path]) -> None:
        print(f"seed {self.seed}", flush=True)
        began = time.monotonic()
        with self.fleet() as fleet:
            batch = self.push(files)
            for share in sorted(self.chance.uniform(0.02, 0.7) for _ in range(self.kills)):
                self.kill_one(fleet, batch, int(share * len(files)))
            self.wait(lambda: batch.status().success_at, 240, "the batch's success")
            self.wait(lambda: self.trace.count("effect"), 30, "the manifest")
            self.wait(fleet.live, 120, "the dead to be forgotten")
            self.wait(lambda: is_called_back(batch), 30, "the callback to be done")
            fleet.stop()
            self.check(batch.status(), files)
        print(
            f"{self.how}: {len(files)} files, {self.kills} kills, {self.trace.runs().total() - len(files)} runs repeated, "
            f"{len(self.trace.legacies)} slots held by the dead, {self.trace.overruns()} overruns, "
            f"{time.monotonic() - began:.1f} s"
        )

    def push(self, files: list[Path], **options: str) -> Batch:
        batch = Batch(description="Manifest under fire")
        facts = {"results": f"app:{batch.bid}", "output": str(self.output), "trace": str(self.trace.path), **options}
        batch.on("success", manifest_jobs.Manifest, facts).on("complete", manifest_jobs.Manifest, facts)
        with batch.jobs(autoflush=500):
            for number, file in enumerate(files):
                manifest_jobs.JOBS[self.how].perform_async(facts["results"], number, str(file), facts["trace"])
        return batch

    def kill_one(self, fleet: Fleet, batch: Batch, done: int) -> None:
        """When so many files are done, and at a moment of chance then."""
        self.wait(lambda: batch.status().done >= done, 120, f"{done} files to be done")
        self.pause(self.chance.uniform(0, 0.05))
        number = self.chance.randrange(2)
        pid = fleet.kill(number)
        self.trace.bury(pid, self.backend.raw, self.leases)
        if self.quick:
            fleet.silence(pid)
        self.pause(self.chance.uniform(0, 0.5))
        fleet.start(number)

    def freeze_one(self, fleet: Fleet, batch: Batch, done: int) -> None:
        """Freeze a worker until its jobs and its slots are others'. Then it goes on as if nothing had happened."""
        self.wait(lambda: batch.status().done >= done, 120, f"{done} files to be done")
        pid = fleet.freeze(0)
        fleet.silence(pid)
        (inflight,) = self.backend.raw.scan_iter(f"sb:inflight:*:{pid}:*")
        held = self.backend.raw.llen(inflight)
        fleet.start(2)
        self.wait(lambda: not self.backend.raw.exists(inflight), 60, "its jobs to be taken back")
        if self.chance.random() < 0.5:
            self.wait(lambda: batch.status().success_at, 60, "all files to be done without it")
        fleet.thaw(0)
        print(f"{held} jobs were taken from the frozen worker")

    def freeze(self, files: list[Path]) -> None:
        print(f"seed {self.seed}", flush=True)
        with self.fleet() as fleet:
            batch = self.push(files)
            self.freeze_one(fleet, batch, self.chance.randrange(len(files) // 2))
            self.wait(lambda: self.trace.count("leave") == self.trace.count("enter"), 30, "the frozen to go on")
            self.wait(lambda: is_called_back(batch), 30, "the callbacks to be done")
            self.wait(fleet.live, 30, "the thawed to be listed again")
            fleet.stop()
            self.check(batch.status(), files)

    def kill_the_callback(self, files: list[Path]) -> None:
        """Kill the worker that has begun to run the callback; another one takes over."""
        gate = self.folder / "gate"
        with self.fleet() as fleet:
            batch = self.push(files, gate=str(gate))
            self.wait(lambda: self.trace.count("begin"), 60, "the callback to begin")
            (pid,) = (int(line[2]) for line in self.trace.lines() if line[0] == "begin")
            fleet.kill(fleet.number_of(pid))
            self.trace.bury(pid, self.backend.raw, self.leases)
            assert not self.output.exists()
            gate.touch()
            self.wait(lambda: is_called_back(batch), 300, "the callback to be done")
            self.wait(fleet.live, 30, "the dead to be forgotten")
            fleet.stop()
        assert (self.trace.count("begin"), self.trace.count("effect"), self.trace.count("complete")) == (2, 1, 1)
        assert json.loads(self.output.read_text()) == [manifest_jobs.fact_of(file) for file in files]
        self.check_server(batch.status(), files)

    def wait(self, predicate: Callable[[], object], timeout: float, what: str) -> None:
        """Wait, and look all the while at how many slots are taken."""

        def look() -> object:
            self.most_leases = max(self.most_leases, self.backend.raw.zcard(self.leases))
            return predicate()

        wait_until(look, timeout, what)

    def pause(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end, seconds + 10, "a moment")

    def check(self, status: Status, files: list[Path]) -> None:
        assert json.loads(self.output.read_text()) == [manifest_jobs.fact_of(file) for file in files]
        assert (self.trace.count("complete"), self.trace.count("begin"), self.trace.count("effect")) == (1, 1, 1)
        assert set(self.trace.runs()) == set(range(len(files)))
        # That it is reached is for a machine that has the time.
        assert 1 < self.trace.most_at_once() <= manifest_jobs.SIZE, "the limit is never exceeded"
        # Every job counts once, and a callback too: runs that were cut short, put back or rescued do not.
        assert self.backend.raw.mget("stat:processed", "stat:failed") == [str(len(files) + 2), None]
        self.check_server(status, files)

    def check_server(self, status: Status, files: list[Path]) -> None:
        raw = self.backend.raw
        assert (status.state, status.total, status.done, status.pending) == ("succeeded", len(files), len(files), 0)
        assert (status.failing, status.dead) == (0, 0)
        assert self.most_leases <= manifest_jobs.SIZE
        assert not [key for key in raw.scan_iter("sb:inflight:*") if raw.llen(key)]
        assert not raw.exists("queue:manifest", "schedule", "retry", "dead", "processes")
        assert not [key for key in raw.scan_iter("sb:*:out") if raw.zcard(key)]
        assert not [key for key in raw.scan_iter("sb:*:holds") if raw.zcard(key)]
        assert self.limiter.peek().waiting == 0
        (results,) = raw.scan_iter("app:*")
        assert 0 < raw.ttl(results) <= manifest_jobs.HOUR
        raw.delete(results)
        assert self.backend.strays() == []


def is_called_back(batch: Batch) -> bool:
    return {callback.state for callback in batch.status().callbacks} == {"done"}


def a_tree(folder: Path, count: int, chance: random.Random) -> list[Path]:
    """Small files, some of them empty and some of them alike."""
    files = [folder / f"{number % 50:02}" / f"{number}.bin" for number in range(count)]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(chance.randbytes(chance.choice([0, 1, 100, 4_096, 20_000])))
    return files


def the_standard_library() -> list[Path]:
    return [path for path in sorted(Path(sysconfig.get_path("stdlib")).rglob("*")) if is_source(path)]


def is_source(path: Path) -> bool:
    """What stays as it is while it is hashed."""
    return path.is_file() and not path.is_symlink() and "__pycache__" not in path.parts


@pytest.mark.parametrize("how", list(manifest_jobs.JOBS))
def test_a_manifest_survives_killed_workers(client: Shiftboss, backend: Backend, tmp_path: Path, how: str) -> None:
    fire = Fire(backend, tmp_path, how, BOUNDED_KILLS, quick=True)
    fire.run(a_tree(tmp_path / "files", BOUNDED_FILES, fire.chance))


def test_a_manifest_survives_a_frozen_worker(client: Shiftboss, backend: Backend, tmp_path: Path) -> None:
    fire = Fire(backend, tmp_path, "inside", 0, quick=True)
    fire.freeze(a_tree(tmp_path / "files", BOUNDED_FILES, fire.chance))


@pytest.mark.stress
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", list(manifest_jobs.JOBS))
def test_a_large_manifest_survives_killed_workers(
    client: Shiftboss, backend: Backend, tmp_path: Path, how: str
) -> None:
    fire = Fire(backend, tmp_path, how, KILLS, quick=False)
    files = a_tree(tmp_path / "files", 2_500, fire.chance) + the_standard_library()
    assert len(files) >= LEAST_FILES
    fire.run(files)


@pytest.mark.stress
@pytest.mark.timeout(600)
def test_a_callback_whose_process_is_killed_runs_again(client: Shiftboss, backend: Backend, tmp_path: Path) -> None:
    fire = Fire(backend, tmp_path, "inside", 1, quick=False)
    fire.kill_the_callback(a_tree(tmp_path / "files", 50, fire.chance))
