"""Killing workers again and again, at any point."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable

import pytest

from shiftboss import Shiftboss
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.integration.worker.conftest import Process
from tests.waiting import wait_until

pytestmark = [pytest.mark.backends("embedded", "redis"), pytest.mark.stress]


@pytest.mark.timeout(300)
def test_workers_that_are_killed_at_random_lose_no_job(
    client: Shiftboss, backend: Backend, spawn: Callable[..., Process]
) -> None:
    seed = random.randrange(1_000_000)
    print(f"seed {seed}")
    chance = random.Random(seed)
    total, notes = 4_000, None
    for _ in range(15):
        process = spawn(concurrency=4)
        if notes is None:
            notes = process.notes
            jobs.write.perform_bulk([(str(notes), str(n)) for n in range(total)])
        end = time.monotonic() + chance.uniform(0.01, 0.5)
        wait_until(lambda: time.monotonic() > end)  # noqa: B023
        process.kill()
        for name in backend.raw.smembers("processes"):
            backend.raw.delete(name)
    last = spawn(concurrency=4)
    wait_until(lambda: len(set(last.lines())) + backend.raw.zcard("dead") >= total, timeout=60)
    # A job may have killed three processes by chance alone; then it is among the dead, and still not lost.
    wait_until(lambda: not backend.raw.llen("queue:default"))
    assert set(last.lines()) | dead(backend) == {str(n) for n in range(total)}


def dead(backend: Backend) -> set[str]:
    return {json.loads(raw)["args"][1] for raw in backend.raw.zrange("dead", 0, -1)}
