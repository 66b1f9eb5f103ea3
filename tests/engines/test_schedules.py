"""A schedule that the engine's own workers fire: each tick is enqueued once, though several could."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from shiftboss import ScheduleError, Shiftboss, periodic
from shiftboss.periodic import Scheduler
from shiftboss.periodic.extension import PeriodicExtension
from tests.engines.actions import board, notes
from tests.engines.app_celery import CeleryDriver
from tests.engines.app_dramatiq import DramatiqDriver
from tests.engines.app_rq import RqDriver
from tests.engines.app_sidekiq import SidekiqDriver
from tests.engines.app_taskiq import TaskiqDriver
from tests.engines.conftest import Url
from tests.engines.driver import QUEUE, SCHEDULE, Driver
from tests.waiting import wait_until

ENGINES: dict[str, Callable[[Url], Driver]] = {
    "sidekiq": lambda url: SidekiqDriver(url(21)),
    "celery": lambda url: CeleryDriver(url(22), url(23)),
    "dramatiq": lambda url: DramatiqDriver(url(24), url(25)),
    "rq": lambda url: RqDriver(url(26)),
    "taskiq": lambda url: TaskiqDriver(url(27), url(28)),
}


@pytest.fixture(params=ENGINES)
def driver(request: pytest.FixtureRequest, url: Url) -> Driver:
    return ENGINES[request.param](url)


@pytest.fixture
def two_workers(driver: Driver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    file = tmp_path / "schedule.yml"
    file.write_text(f"jobs:\n  tick: {{every: 1s, job: {driver.name_of('tick')}, queue: {QUEUE}}}\n")
    board().delete("notes:ticks")
    monkeypatch.setenv(SCHEDULE, str(file))
    workers = [driver.start(tmp_path / f"worker-{number}") for number in range(2)]
    yield
    for worker in workers:
        worker.kill()


@pytest.mark.usefixtures("two_workers")
def test_each_tick_runs_once_though_two_workers_could_fire_it(driver: Driver) -> None:
    wait_until(lambda: len(notes("ticks")) >= 3, 30, "three ticks")
    assert periodic.leader(client=driver.client) is not None
    ran = notes("ticks")
    assert len(ran) == len(set(ran))
    planned = [run.planned for run in periodic.history("tick", client=driver.client)]
    assert len(planned) == len(set(planned))


def test_processes_that_only_push_fire_nothing(url: Url, tmp_path: Path) -> None:
    file = tmp_path / "schedule.yml"
    file.write_text("jobs:\n  tick: {every: 1s, job: Tick}\n")
    with Shiftboss(url(29)) as client:
        periodic.fire_in_workers(file)
        extension = client.extensions["periodic"]
        assert isinstance(extension, PeriodicExtension)
        assert len(extension.services()) == 1
        assert periodic.schedules(client=client) == []
    with redis.Redis.from_url(url(29)) as raw:
        assert raw.dbsize() == 0


def test_schedules_that_are_said_one_after_the_other_are_fired_beside_one_another(tmp_path: Path) -> None:
    client = Shiftboss("fake://beside")
    for name, job in (("a", "Old"), ("b", "B"), ("a", "New")):
        file = tmp_path / f"{job}.yml"
        file.write_text(f"schedule: {name}\njobs:\n  tick: {{every: 1s, job: {job}}}\n")
        periodic.fire_in_workers(file, client=client)
    found = {one.schedule_name: one for one in client.extensions["periodic"].services() if isinstance(one, Scheduler)}
    assert set(found) >= {"a", "b"}
    assert [entry.job for entry in found["a"]._schedule.entries] == ["New"]  # type: ignore[union-attr]


def test_a_file_that_cannot_be_is_refused_where_it_is_said(tmp_path: Path) -> None:
    file = tmp_path / "schedule.yml"
    file.write_text("jobs: 5")
    with pytest.raises(ScheduleError, match="expected jobs to be a mapping"):
        periodic.fire_in_workers(file, client=Shiftboss("fake://said"))
