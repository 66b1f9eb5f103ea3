"""A concurrent limiter whose holders and waiters are killed, cancelled and cut off, on a server that forgets its scripts.

At no instant do more hold a slot than it has, by the clock of the machine and by the leases on the server; whoever waits gets
one; afterwards all slots are free again, and each key ends. The seed is printed; STRESS_SEED repeats it.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from shiftboss import Shiftboss
from tests.backends import Backend
from tests.stress.fleet import ROOT
from tests.stress.limiter_crowd import LOCK_TIMEOUT, SLOTS, SURVIVOR, limiter
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("embedded", "redis", "cluster")
LEASES = "sb:{concurrent:fire}:leases"


@pytest.mark.parametrize(
    "kills",
    [
        pytest.param(25, id="bounded"),
        pytest.param(700, id="whole", marks=[pytest.mark.stress, pytest.mark.timeout(900)]),
    ],
)
def test_no_slot_is_lost_and_none_given_twice(client: Shiftboss, backend: Backend, tmp_path: Path, kills: int) -> None:
    seed = int(os.environ.get("STRESS_SEED", random.randrange(1_000_000)))
    print(f"seed {seed}", flush=True)
    notes, chance = tmp_path / "notes", random.Random(seed)
    command = [sys.executable, "-m", "tests.stress.limiter_crowd", backend.url, client.namespace, str(notes)]
    log = tmp_path / "log"
    with (
        log.open("wb") as out,
        watched(backend) as most,
        subprocess.Popen([*command, str(seed), str(kills)], cwd=ROOT, stdout=out, stderr=out) as crowd,
    ):
        while crowd.poll() is None:
            trouble(backend, chance)
            pause = time.monotonic() + chance.uniform(0.2, 0.5)
            wait_until(lambda: crowd.poll() is not None or time.monotonic() > pause)  # noqa: B023
    assert crowd.returncode == 0, log.read_text()[-2_000:]
    did, holders = read(notes)
    print(dict(did), f"at most {holders} holders, {most[0]} leases")
    assert did["killed"] == kills
    assert did["begin"] > kills
    assert did["cancelled"] > kills
    assert holders <= SLOTS
    assert most[0] <= SLOTS
    assert not did[f"refused {SURVIVOR}"]
    assert not did["error"]
    wait_until(lambda: limiter().peek().used == 0, LOCK_TIMEOUT + 5, "the last leases to end")
    held = [limiter().try_acquire() for _ in range(SLOTS + 1)]
    assert [grant is not None for grant in held] == [True] * SLOTS + [False]
    assert [key for key in backend.raw.scan_iter() if backend.raw.pttl(key) == -1] == []


def trouble(backend: Backend, chance: random.Random) -> None:
    """Cut everybody off, or have the server forget its scripts."""
    with plain(backend) as server:
        if chance.random() < 0.5:
            server.execute_command("SCRIPT", "FLUSH")
        else:
            server.execute_command("CLIENT", "KILL", "TYPE", chance.choice(["normal", "pubsub"]), "SKIPME", "yes")


@contextmanager
def plain(backend: Backend) -> Iterator[redis.Redis]:
    """A connection that is told nothing of clusters and stays when others are cut."""
    assert backend.process is not None
    with backend.process.client() as client:
        yield client


@contextmanager
def watched(backend: Backend) -> Iterator[list[int]]:
    """The most leases that live at one instant, looked at all the time."""
    most, over = [0], threading.Event()

    def look() -> None:
        while not over.wait(0.002):
            try:
                with plain(backend) as server:
                    while not over.wait(0.002):
                        leases, now = server.pipeline().zrange(LEASES, 0, -1, withscores=True).time().execute()
                        ms = now[0] * 1000 + now[1] // 1000
                        most[0] = max(most[0], sum(ends > ms for _, ends in leases))
            except redis.RedisError:
                continue

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


def read(notes: Path) -> tuple[Counter[str], int]:
    """What was done how often, and how many held a slot at the same time at most."""
    did, changes = Counter[str](), []
    holding: dict[str, set[str]] = {}
    for line in sorted(notes.read_text().splitlines(), key=lambda line: int(line.split()[0])):
        at, process, what, *rest = line.split()
        did[what] += 1
        if what == "refused":
            did[f"refused {rest[0]}"] += 1
        elif what == "begin":
            holding.setdefault(process, set()).add(rest[0])
        elif what == "end":
            holding[process].remove(rest[0])
        elif what == "killed":
            holding.pop(rest[0], None)
        changes.append((int(at), sum(map(len, holding.values()))))
    return did, max(holders for _, holders in changes)
