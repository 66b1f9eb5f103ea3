"""Families of batches, while the processes that push them and the workers that run them are killed at random moments.

Afterwards every batch is what its jobs came to: nothing of it is there, or it has ended as they did, or its process died
while it was pushed and it says so. Each callback had its effect, once but for runs that a kill cut short, and the doctor
finds nothing but what the kills explain. The seed is printed; STRESS_SEED repeats it.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from shiftboss import BatchNotFound, Shiftboss, outbox
from shiftboss.batches import EVENTS, Batch, Status, doctor
from shiftboss.engines.sidekiq.payload import decode
from shiftboss.jobs import Member
from tests.backends import Backend
from tests.stress.fleet import ROOT, Fleet
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("embedded", "redis")
BOUNDED_BATCHES, BATCHES = 60, 200


@dataclass
class Fire:
    """One run: so many batches, with one kill of a worker for every so many of them."""

    backend: Backend
    client: Shiftboss
    folder: Path
    batches: int
    batches_per_kill: int

    def __post_init__(self) -> None:
        self.seed = int(os.environ.get("STRESS_SEED", random.randrange(1_000_000)))
        self.chance = random.Random(self.seed)
        self.trace = self.folder / "trace"
        self.trace.touch()
        self.kills: Counter[str] = Counter()

    def run(self) -> None:
        print(f"seed {self.seed}", flush=True)
        began = time.monotonic()
        arguments = ("--require", "tests.stress.family_jobs", "-q", "family", "-q", "default", "--log-level", "error")
        with Fleet(self.backend, self.folder / "log", *arguments) as fleet:
            self.burn(fleet)
            wait_until(self.is_idle, 120, "what was pushed to have run")
            wait_until(fleet.live, 60, "the dead to be forgotten")
            self.end_leases()
            wait_until(self.is_idle, 60, "what the leases held up to have run")
            fleet.stop()
        ends = self.check()
        print(f"{dict(ends)}, killed {dict(self.kills)}, {time.monotonic() - began:.1f} s")

    def burn(self, fleet: Fleet) -> None:
        """Push, and kill who pushes and who works."""
        for number in range(1_000):
            definer = self.define(number)
            last = len(self.told("defined"))
            while last < self.batches and self.chance.random() < 0.6:
                time.sleep(self.chance.uniform(0, 0.1))  # when the kill comes is up to chance
                last = len(self.told("defined"))
                if last >= (self.kills["workers"] + 1) * self.batches_per_kill:
                    self.kill_a_worker(fleet)
            definer.kill()
            definer.wait()
            self.kills["definers"] += 1
            if last >= self.batches:
                return

    def define(self, number: int) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "tests.stress.definer", self.backend.url, str(self.trace)]
        begun = len(self.told("defined"))
        definer = subprocess.Popen([*command, str(self.seed + number)], cwd=ROOT)
        wait_until(lambda: len(self.told("defined")) > begun, 30, "the definer to begin")
        return definer

    def kill_a_worker(self, fleet: Fleet) -> None:
        number = self.chance.randrange(2)
        fleet.silence(fleet.kill(number))
        fleet.start(number)
        self.kills["workers"] += 1

    def is_idle(self) -> bool:
        raw = self.backend.raw
        self.hurry()
        if any(raw.zcard(key) for key in raw.scan_iter("sb:*:out")):
            return False
        return not raw.exists("queue:family", "queue:default", "retry", "schedule", *raw.scan_iter("sb:inflight:*"))

    def hurry(self) -> None:
        """What would wait for its time is due now: outbox items of the dead, retries, callbacks that the dead ran."""
        raw = self.backend.raw
        for retry in raw.zrange("retry", 0, -1):
            raw.zadd("retry", {retry: 1}, xx=True)
            of = decode(retry.encode()).message.batch
            if of is not None and not isinstance(of, Member):
                # It found the lease of a run that was killed.
                key = self.client.batch_keys(of.bid).record
                run = raw.hget(key, f"run:{of.event}:{of.index}")
                if run is not None and ":" in run:
                    raw.hset(key, f"run:{of.event}:{of.index}", f"1:{run.partition(':')[2]}")
        self.reap("sb:*:out")

    def end_leases(self) -> None:
        """The blocks of the dead end now."""
        self.reap("sb:*:holds")

    def reap(self, pattern: str) -> None:
        raw = self.backend.raw
        for key in raw.scan_iter(pattern):
            now = time.time() * 1000
            late = {
                item: 1
                for item, at in raw.zrange(key, 0, -1, withscores=True)
                if "holds" in pattern or at < now + 9_000
            }
            if late:
                raw.zadd(key, late, xx=True)
        self.client.perform(outbox.reap(self.client, raw.get("sb:reaper") or "test"))

    def told(self, what: str) -> list[list[str]]:
        lines = (line.split() for line in self.trace.read_text().splitlines())
        return [line[1:] for line in lines if line[0] == what]

    def check(self) -> Counter[str]:
        """What became of each batch, held against what its jobs told."""
        done = {(bid, int(position)) for bid, position in self.told("done")}
        died = {(bid, int(position)) for bid, position in self.told("died")}
        heard = Counter((bid, event) for bid, event in self.told("heard"))
        whole = {bid for (bid,) in self.told("pushed")}
        ends: Counter[str] = Counter()
        statuses: dict[str, Status] = {}
        for bid, parent in self.told("defined"):
            try:
                statuses[bid] = status = Batch.known(bid, client=self.client).status()
            except BatchNotFound:
                assert bid not in whole, "it was pushed, and is not there"
                assert not any(of == bid for of, _ in done | died | set(heard))
                assert not list(self.backend.raw.scan_iter(f"sb:*{bid}*"))
                ends["nothing"] += 1
                continue
            members = [sum(of == bid for of, _ in some) for some in (done, died)]
            assert [status.done, status.dead, status.failing] == [*members, 0], status
            if parent != "-":
                assert parent in statuses, "a child without its parent"
            assert bid not in whole or not status.broken
            if not status.broken:
                assert status.complete_at or self.waits_for_a_broken_child(status), status
            assert not (status.broken and (status.complete_at or status.success_at or status.finished_at))
            for event in EVENTS:
                assert (heard[bid, event] > 0) == status.happened(event), (event, status)
            ends[status.state] += 1
        repeats = heard.total() - len(heard)
        assert repeats <= 10 * self.kills["workers"], "only a run that a kill cut short is repeated"
        ends["callbacks repeated"] = repeats
        self.check_families(statuses)
        self.check_waiting(statuses)
        unexplained = [found for found in doctor.examine(client=self.client) if not self.is_explained(found)]
        assert unexplained == []
        assert not [key for key in self.backend.raw.scan_iter("sb:*:holds") if self.backend.raw.zcard(key)]
        assert self.backend.strays() == []
        return ends

    def is_explained(self, found: doctor.Finding) -> bool:
        """A batch that was being pushed when its process was killed; a job that died with what it waited for."""
        status = Batch.known(found.bid, client=self.client).status()
        return status.broken or (found.kind == "callback died" and status.description.endswith("waits for"))

    def check_waiting(self, statuses: dict[str, Status]) -> None:
        """A job that waited ran if and only if what it waited for succeeded."""
        waited = Counter(bid for (bid,) in self.told("waited"))
        for bid, awaited in self.told("waits"):
            status = Batch.known(bid, client=self.client).status()
            assert bool(status.success_at) == bool(statuses[awaited].success_at), status
            assert (waited[bid] > 0) == bool(status.success_at), status
        assert waited.total() - len(waited) <= 10 * self.kills["workers"]

    def waits_for_a_broken_child(self, status: Status) -> bool:
        below = Batch.known(status.bid, client=self.client).descendants()
        return any(child.broken for child in below)

    def check_families(self, statuses: dict[str, Status]) -> None:
        """A batch succeeded if and only if all its jobs did and all below it."""
        for status in statuses.values():
            below = [other for other in statuses.values() if other.parent_bid == status.bid]
            assert len(below) == status.children
            if status.success_at:
                assert status.pending == 0
                assert all(child.success_at for child in below)
            elif not status.broken:
                assert status.pending or any(not child.success_at for child in below), status
            dead_below = any(child.death_at for child in below)
            assert bool(status.death_at) == bool(status.dead or status.broken or dead_below), status


@pytest.mark.timeout(300)
def test_batches_survive_killed_workers_and_killed_definers(
    client: Shiftboss, backend: Backend, tmp_path: Path
) -> None:
    Fire(backend, client, tmp_path, BOUNDED_BATCHES, 30).run()


@pytest.mark.stress
@pytest.mark.timeout(600)
@pytest.mark.parametrize("number", range(3))
def test_two_hundred_batches_survive_many_kills(
    client: Shiftboss, backend: Backend, tmp_path: Path, number: int
) -> None:
    Fire(backend, client, tmp_path, BATCHES, 10).run()
