"""The process that pushes a batch is killed while it does.

Afterwards nothing of the batch is there, or it succeeds with all its members, or it is broken and says so: never a success
with members missing, never a member that counts twice. Where chance decides, the seed is printed; STRESS_SEED repeats it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from shiftboss import BatchError, BatchNotFound, Shiftboss
from shiftboss.batches import Batch
from shiftboss.engines.sidekiq.worker import Worker
from tests.backends import Backend
from tests.stress import pushed_jobs
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("embedded", "redis")
ROOT = Path(__file__).resolve().parents[2]
# Ways to push, and how many jobs: a block of more than 1,000 is pushed in slices.
FEW = {"at_once": 300, "block": 1_200, "autoflush": 300, "blocks": 300, "nested": 300}
MANY = {"at_once": 999, "block": 6_000, "autoflush": 6_000, "blocks": 6_000, "nested": 6_000}
KILLS = 20


@dataclass
class Pushers:
    """Pushing processes, a worker for what they push, and what became of their batches."""

    backend: Backend
    client: Shiftboss
    worker: Worker
    program: subprocess.Popen[str]
    ends: Counter[str] = field(default_factory=Counter)

    def push(self, way: str, count: int, call: int = 0, when: str = "") -> tuple[int, list[str]]:
        """Begin to push; the process id and the ids of its batches."""
        self._ask({"way": way, "count": count, "call": call, "when": when})
        told = self._hear()
        return told["pid"], told["bids"]

    def end(self) -> int | None:
        """Wait until the pusher has ended: how many calls it made, None if it was killed."""
        self._ask({})
        told = self._hear()
        if "calls" in told:
            assert self._hear() == {"ended": 0}
            return int(told["calls"])
        assert told == {"ended": -signal.SIGKILL}, told
        return None

    def settle(self, bids: list[str], count: int, *, killed: bool) -> str:
        """What became of a batch and its children, once all that was pushed has run and all leases have ended."""
        wait_until(self._is_idle, 60, "what was pushed to have run")
        before = [self._state(bid) for bid in bids]
        assert killed or set(before) == {"succeeded"}
        for bid, state in zip(bids, before, strict=True):
            assert state in ("nothing", "open", "succeeded"), state
            if state != "succeeded":
                assert not any(pushed_jobs.heard[bid, event] for event in ("complete", "success", "death"))
        for key in self.backend.raw.scan_iter("sb:*:holds"):
            self.backend.raw.zadd(key, dict.fromkeys(self.backend.raw.zrange(key, 0, -1), 1), xx=True)
        self.worker.reaper.nudge()
        wait_until(lambda: not list(self.backend.raw.scan_iter("sb:*:holds")), what="the end of all leases")
        wait_until(self._is_idle, 20, "callbacks to have run")
        ends = [self._check(bid, count // len(bids)) for bid in bids]
        if ends[0] == "succeeded":
            assert set(ends) == {"succeeded"}
        self.ends[ends[0]] += 1
        return ends[0]

    def _check(self, bid: str, count: int) -> str:
        """What became of one batch; it is one of three things, in every respect."""
        state = self._state(bid)
        places = {position: number for of, position, number in pushed_jobs.ran if of == bid}
        twice = [member for member, times in pushed_jobs.ran.items() if member[0] == bid and times != 1]
        assert not twice
        assert len(places) == sum(of == bid for of, _, _ in pushed_jobs.ran)
        heard = {event: times for (of, event), times in pushed_jobs.heard.items() if of == bid}
        batch = Batch.known(bid, client=self.client)
        if state == "nothing":
            assert (places, heard) == ({}, {})
            assert not list(self.backend.raw.scan_iter(f"sb:*:{bid}*"))
            return state
        status = batch.status()
        assert (status.done, status.failing, status.dead) == (len(places), 0, 0)
        assert len(places) <= status.total
        ones = self.backend.raw.bitcount(batch.keys.done)
        assert ones == int(self.backend.raw.hget(batch.keys.record, "done")) == status.done + self._children_done(bid)
        if state == "succeeded":
            assert places == {number: number for number in range(count)}
            assert heard == {"complete": 1, "success": 1}
        else:
            assert state == "broken", status
            assert (status.complete_at, status.success_at, status.finished_at) == (None, None, None)
            assert heard == {"death": 1}
            with pytest.raises(BatchError, match="is broken"):
                batch.join(timeout=5)
        return state

    def _children_done(self, bid: str) -> int:
        return int(self.backend.raw.hget(f"sb:{{b{bid[:2]}}}:{bid}", "children:done") or 0)

    def _state(self, bid: str) -> str:
        try:
            return Batch.known(bid, client=self.client).status().state
        except BatchNotFound:
            return "nothing"

    def _is_idle(self) -> bool:
        raw = self.backend.raw
        # In the order in which things move: what has left one place must not be missed in the next.
        if any(raw.zcard(key) for key in raw.scan_iter("sb:*:out")):
            return False
        return not raw.exists(
            "queue:pushed", f"sb:inflight:{self.worker.identity}", "queue:default", "retry", "schedule"
        )

    def _ask(self, order: dict[str, Any]) -> None:
        assert self.program.stdin is not None
        self.program.stdin.write(f"{json.dumps(order)}\n")
        self.program.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        assert self.program.stdout is not None
        told: dict[str, Any] = json.loads(self.program.stdout.readline())
        return told


@pytest.fixture
def pushers(client: Shiftboss, backend: Backend) -> Iterator[Pushers]:
    pushed_jobs.ran.clear()
    pushed_jobs.heard.clear()
    program = subprocess.Popen(
        [sys.executable, "-m", "tests.stress.pusher", backend.url],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with program, Worker(client, [pushed_jobs.QUEUE, "default"], concurrency=1) as worker:
        yield Pushers(backend, client, worker, program)
        assert program.stdin is not None
        program.stdin.close()


@pytest.fixture
def chance() -> random.Random:
    seed = int(os.environ.get("STRESS_SEED", random.randrange(1_000_000)))
    print(f"seed {seed}", flush=True)
    return random.Random(seed)


@pytest.mark.parametrize(("way", "count"), FEW.items())
def test_a_pusher_that_dies_around_any_call_leaves_nothing_all_or_a_broken_batch(
    pushers: Pushers, way: str, count: int
) -> None:
    _, bids = pushers.push(way, count)
    made = pushers.end()
    assert made
    assert pushers.settle(bids, count, killed=False) == "succeeded"
    ends = []
    for call in range(1, made + 1):
        for when in ("before", "after"):
            _, bids = pushers.push(way, count, call, when)
            assert pushers.end() is None
            ends.append(pushers.settle(bids, count, killed=True))
    assert ends == ["nothing", *["broken"] * (2 * made - 2), "succeeded"]


@pytest.mark.stress
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("way", "count"), MANY.items())
def test_a_pusher_that_is_killed_at_random_leaves_nothing_all_or_a_broken_batch(
    pushers: Pushers, chance: random.Random, way: str, count: int
) -> None:
    longest, began = 0.0, time.monotonic()
    for _ in range(2):
        _, bids = pushers.push(way, count)
        asked = time.monotonic()
        pushers.end()
        longest = max(longest, time.monotonic() - asked)
        assert pushers.settle(bids, count, killed=False) == "succeeded"
    pushers.ends.clear()
    kills = 0
    while kills < KILLS:
        pid, bids = pushers.push(way, count)
        end = time.monotonic() + chance.uniform(0, longest)
        wait_until(lambda: time.monotonic() >= end)  # noqa: B023
        os.kill(pid, signal.SIGKILL)
        killed = pushers.end() is None
        kills += killed
        pushers.settle(bids, count, killed=killed)
    print(f"{way}: {kills} kills, {count} jobs each, {dict(pushers.ends)}, {time.monotonic() - began:.1f} s")
