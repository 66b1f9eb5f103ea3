"""Workers that are killed while their jobs run: the jobs run again, and the batch ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shiftboss.batches import Batch
from tests.engines.actions import notes, open_gate
from tests.engines.app_celery import CeleryDriver
from tests.engines.app_dramatiq import DramatiqDriver
from tests.engines.app_sidekiq import SidekiqDriver
from tests.engines.app_taskiq import TaskiqDriver
from tests.engines.conftest import Url
from tests.engines.driver import Driver
from tests.waiting import wait_until


@pytest.fixture(params=["sidekiq", "celery", "dramatiq", "taskiq"])
def mortal(request: pytest.FixtureRequest, url: Url) -> Driver:
    """An engine without a worker yet, which gives a dead worker's jobs to another soon."""
    if request.param == "sidekiq":
        return SidekiqDriver(url(6))
    if request.param == "taskiq":
        return TaskiqDriver(url(18), url(19), idle_timeout=200, unacknowledged_lock_timeout=1.0)
    if request.param == "dramatiq":
        return DramatiqDriver(url(11), url(12), maintenance_chance=1_000_000)
    return CeleryDriver(url(7), url(8), task_acks_late=True, broker_transport_options={"visibility_timeout": 1})


@pytest.fixture
def start(mortal: Driver, tmp_path: Path) -> Iterator[Callable[[], Driver]]:
    workers = []

    def make() -> object:
        workers.append(mortal.start(tmp_path / f"worker-{len(workers)}"))
        return workers[-1]

    yield make  # type: ignore[misc]
    for worker in workers:
        worker.kill()


def test_a_killed_workers_jobs_run_again_and_the_batch_ends(
    mortal: Driver, start: Callable[[], object], new_batch: Callable[..., Batch], key: str
) -> None:
    batch = new_batch(mortal)
    first = start()
    with batch.jobs():
        mortal.push("slow", key)
        mortal.push("slow", key)
    wait_until(lambda: len(notes(key)) == 2, what="both jobs to run")
    first.kill()  # type: ignore[attr-defined]
    mortal.bury()
    assert batch.status().done == 0
    start()

    def again() -> bool:
        mortal.nudge()
        return len(notes(key)) == 4

    wait_until(again, 20, "both jobs to run again")
    open_gate(key)
    open_gate(key)
    assert batch.join(timeout=20).done == 2
    wait_until(lambda: sorted(notes(f"{key}:events")) == ["complete", "finished", "success"])
