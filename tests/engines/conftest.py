"""Engines for the conformance cases: each with real workers on a real Redis, started once for the whole run."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis

from shiftboss import trusted
from shiftboss.batches import Batch
from tests.backends import what_is_wrong
from tests.engines.actions import NOTES_URL
from tests.engines.app_celery import CeleryDriver
from tests.engines.app_dramatiq import DramatiqDriver
from tests.engines.app_rq import RqDriver
from tests.engines.app_sidekiq import SidekiqDriver
from tests.engines.app_taskiq import TaskiqDriver
from tests.engines.driver import Driver
from tests.servers import ServerProcess, embedded_binary, path_server

EVENTS = ("complete", "success", "death", "finished")
Url = Callable[[int], str]
ENGINES = ["sidekiq", "celery", "dramatiq", "rq", "taskiq"]
# Where there is a RabbitMQ for the tests, with a virtual host "actors", the cases run on it as well.
AMQP_URL = os.environ.get("AMQP_URL", "")
if AMQP_URL:
    ENGINES += ["celery_on_rabbitmq", "dramatiq_on_rabbitmq"]


@pytest.fixture(scope="session")
def url() -> Iterator[Url]:
    """Gives the address of a database by its number; number 5 is for what jobs note."""
    with ServerProcess(path_server() or embedded_binary(), "--databases", "64").start() as server:
        address = lambda number: f"redis://127.0.0.1:{server.port}/{number}"  # noqa: E731
        before, os.environ[NOTES_URL] = os.environ.get(NOTES_URL), address(5)
        yield address
        if before is None:
            del os.environ[NOTES_URL]


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("workers")


@pytest.fixture(scope="session")
def sidekiq(url: Url, logs: Path) -> Iterator[SidekiqDriver]:
    driver = SidekiqDriver(url(0))
    worker = driver.start(logs / "sidekiq")
    driver.hurry()
    yield driver
    worker.stop()
    driver.close()
    check_keys(url(0))


@pytest.fixture(scope="session")
def celery(url: Url, logs: Path) -> Iterator[CeleryDriver]:
    driver = CeleryDriver(url(1), url(2), url(3))
    worker = driver.start(logs / "celery")
    yield driver
    worker.stop()
    driver.app.close()
    check_keys(url(1))


@pytest.fixture(scope="session")
def dramatiq(url: Url, logs: Path) -> Iterator[DramatiqDriver]:
    driver = DramatiqDriver(url(9), url(13))
    worker = driver.start(logs / "dramatiq")
    yield driver
    worker.stop()
    driver.broker.close()
    check_keys(url(9))


@pytest.fixture(scope="session")
def rq(url: Url, logs: Path) -> Iterator[RqDriver]:
    driver = RqDriver(url(14))
    worker = driver.start(logs / "rq")
    yield driver
    worker.stop()
    driver.connection.close()
    check_keys(url(14), "rq:")


@pytest.fixture(scope="session")
def taskiq(url: Url, logs: Path) -> Iterator[TaskiqDriver]:
    driver = TaskiqDriver(url(16), url(17))
    worker = driver.start(logs / "taskiq")
    yield driver
    worker.stop()
    check_keys(url(16))


@pytest.fixture(scope="session")
def celery_on_rabbitmq(url: Url, logs: Path) -> Iterator[CeleryDriver]:
    driver = CeleryDriver(url(40), f"{AMQP_URL}//", url(41))
    worker = driver.start(logs / "celery_on_rabbitmq")
    yield driver
    worker.stop()
    driver.app.close()
    check_keys(url(40))


@pytest.fixture(scope="session")
def dramatiq_on_rabbitmq(url: Url, logs: Path) -> Iterator[DramatiqDriver]:
    driver = DramatiqDriver(url(42), f"{AMQP_URL}/actors")
    worker = driver.start(logs / "dramatiq_on_rabbitmq")
    yield driver
    worker.stop()
    driver.broker.close()
    check_keys(url(42))


@pytest.fixture(params=ENGINES, scope="session")
def driver(request: pytest.FixtureRequest) -> Driver:
    driver: Driver = request.getfixturevalue(request.param)
    return driver


@pytest.fixture(autouse=True)
def trust_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where RQ runs a job in the test's own process, that trusts any module with callbacks; other tests there do not."""
    monkeypatch.setattr(trusted, "_trusted", set(trusted._trusted))


@pytest.fixture
def key() -> str:
    """What a case's jobs note their doings under."""
    return secrets.token_hex(4)


@pytest.fixture
def new_batch(key: str) -> Callable[..., Batch]:
    """Makes batches whose events are noted under ``<key>:events``, in order."""

    def make(driver: Driver, name: str = "", **options: Any) -> Batch:
        batch = Batch(client=driver.client, **options)
        for event in EVENTS:
            batch.on(event, "tests.engines.actions:heard", {"key": f"{key}:events", "event": f"{name}{event}"})
        return batch

    return make


def check_keys(url: str, theirs: str | None = None) -> None:
    """Hold what a run left behind against the catalogue, but for what begins as the engine's own keys do."""
    with redis.Redis.from_url(url, decode_responses=True) as raw:
        names = sorted(name for name in raw.scan_iter(count=1000) if theirs is None or not name.startswith(theirs))
        facts = [(name, raw.type(name), raw.pttl(name)) for name in names]
    wrong = [what for name, kind, ttl in facts if (what := what_is_wrong(name, str(kind), int(ttl), {"sb"}))]  # type: ignore[arg-type]
    assert not wrong, "\n".join(wrong)
