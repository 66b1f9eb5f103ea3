"""Workers that are killed while their jobs run: the jobs run again, and the batch ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from shiftboss.batches import Batch
from shiftboss.batches.doctor import bury, examine
from shiftboss.scripts import command
from tests.engines.actions import notes, open_gate
from tests.engines.app_celery import CeleryDriver
from tests.engines.app_dramatiq import DramatiqDriver
from tests.engines.app_rq import RqDriver
from tests.engines.app_sidekiq import SidekiqDriver
from tests.engines.app_taskiq import TaskiqDriver
from tests.engines.conftest import Url
from tests.engines.driver import Driver
from tests.waiting import wait_until

MORTAL = ["sidekiq", "celery", "dramatiq", "taskiq"]


@pytest.fixture(params=MORTAL)
def mortal(request: pytest.FixtureRequest, url: Url) -> Driver:
    """An engine without a worker yet, which gives a dead worker's jobs to another soon."""
    if request.param == "sidekiq":
        return SidekiqDriver(url(6))
    if request.param == "taskiq":
        return TaskiqDriver(url(18), url(19), idle_timeout=200, unacknowledged_lock_timeout=1.0)
    if request.param == "dramatiq":
        return DramatiqDriver(url(11), url(12), maintenance_chance=1_000_000)
    if request.param == "rq":
        return RqDriver(url(56))
    soon = {"visibility_timeout": 1}
    if request.param == "celery_as_it_comes":
        return CeleryDriver(url(54), url(55), broker_transport_options=soon)
    return CeleryDriver(url(7), url(8), task_acks_late=True, broker_transport_options=soon)


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


@pytest.mark.parametrize("mortal", [*MORTAL, "celery_as_it_comes", "rq"], indirect=True)
def test_a_killed_workers_callback_runs_again_and_the_batch_goes_on(
    mortal: Driver, start: Callable[[], object], key: str
) -> None:
    parent = Batch(client=mortal.client)
    first = start()
    with parent.jobs():
        child = Batch(client=mortal.client).on("success", "tests.engines.actions:heard_at_the_gate", {"key": key})
        with child.jobs():
            mortal.push("note", f"{key}:job", 1)
    wait_until(lambda: len(notes(key)) == 1, 20, "the callback to run")
    first.kill()  # type: ignore[attr-defined]
    mortal.bury()
    mortal.client.store.run(command("HDEL", [child.keys.record], ["run:success:0"], int))  # half a minute later
    start()

    def again() -> bool:
        mortal.nudge()
        return len(notes(key)) == 2

    wait_until(again, 20, "the callback to run again")
    assert parent.status().success_at is None
    open_gate(key)
    assert parent.join(timeout=20).done == 0
    assert notes(key)[2:] == ["heard"]
    assert child.status().callbacks[0].state == "done"


def test_the_doctor_finds_what_celery_lost_with_its_worker(
    url: Url, tmp_path: Path, new_batch: Callable[..., Batch], key: str
) -> None:
    """Celery acknowledges early unless told otherwise: nobody has the jobs of a worker that is killed."""
    place = url(52)
    celery = CeleryDriver(place, url(53))
    batch = new_batch(celery)
    worker = celery.start(tmp_path / "worker")
    with batch.jobs():
        ids = [celery.push("slow", key), celery.push("slow", key)]
    wait_until(lambda: len(notes(key)) == 2, what="both jobs to run")
    assert [finding.kind for finding in examine(batch.bid, client=celery.client)] == ["untraceable"]
    worker.kill()
    with Redis.from_url(place) as raw:
        for name in raw.scan_iter("sb:alive:*"):
            raw.delete(name)  # a minute later
    (finding,) = examine(batch.bid, client=celery.client)
    assert (finding.kind, finding.positions) == ("orphaned", tuple(range(len(ids))))
    bury(batch.bid, finding.positions, client=celery.client)
    assert examine(batch.bid, client=celery.client) == []
    assert batch.status().dead == 2
    celery.app.close()
