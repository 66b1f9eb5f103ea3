"""Engines that delay in a worker's memory: what is due much later waits in Redis, and is sent when its time is near."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import dramatiq
import pytest
from celery import Celery
from dramatiq.brokers.stub import StubBroker

from shiftboss import Shiftboss, keys
from shiftboss.batches import Batch, calls
from shiftboss.engine import NotPublished
from shiftboss.engines.celery import CeleryEngine, install, texts
from shiftboss.engines.celery import engine as celery_engine
from shiftboss.engines.dramatiq import DramatiqEngine
from shiftboss.engines.dramatiq import engine as dramatiq_engine
from shiftboss.engines.dramatiq import install as install_on_dramatiq
from shiftboss.plan import run
from shiftboss.scripts import command
from tests.engines.actions import notes
from tests.engines.app_celery import CeleryDriver
from tests.engines.conftest import Url
from tests.engines.driver import Driver
from tests.waiting import wait_until

NewBatch = Callable[..., Batch]
TIMEOUT = 30.0
HOUR = 3600


@pytest.fixture(params=["celery", "dramatiq"])
def driver(request: pytest.FixtureRequest) -> Driver:
    driver: Driver = request.getfixturevalue(request.param)
    return driver


def waiting(client: Shiftboss) -> list[tuple[str, float]]:
    """What waits: the messages, and when each is to be sent."""
    key = keys.later(client.namespace, client.engine.name)
    found = client.perform(run(command("ZRANGE", [key], [0, -1, "WITHSCORES"], list)))
    return [(text.decode(), float(score) / 1000) for text, score in zip(found[::2], found[1::2], strict=True)]


def celery_app(url: Url) -> tuple[Celery, Shiftboss]:
    """One without workers."""
    app = Celery("kept", broker="memory://", set_as_current=False)
    return app, install(app, Shiftboss(url(44), namespace="kept", engine=CeleryEngine(app)))


def anything(*args: Any, **kwargs: Any) -> None: ...


def forget(client: Shiftboss) -> None:
    client.perform(run(command("DEL", [keys.later(client.namespace, client.engine.name)], [], int)))


def test_a_member_that_is_due_much_later_waits_in_redis(driver: Driver, new_batch: NewBatch, key: str) -> None:
    at = time.time() + HOUR
    batch = new_batch(driver)
    with batch.jobs():
        driver.push("note", key, "soon", delay=0.2)
        driver.push("note", key, "late", delay=HOUR)
    ((_, date),) = waiting(driver.client)
    assert date == pytest.approx(at - 60, abs=5)
    wait_until(lambda: notes(key) == ["soon"], TIMEOUT)
    wait_until(lambda: batch.status().pending == 1, what="the other one to be counted")
    forget(driver.client)
    batch.delete()


def test_it_runs_once_its_time_has_come(
    driver: Driver, new_batch: NewBatch, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (texts, dramatiq_engine):
        monkeypatch.setattr(module, "LONG", 0.5)
    for module in (celery_engine, dramatiq_engine):
        monkeypatch.setattr(module, "AHEAD", 1.0)
    batch, due = new_batch(driver), time.time() + 2
    with batch.jobs():
        driver.push("about", key, delay=2)
    assert len(waiting(driver.client)) == 1
    assert batch.join(timeout=TIMEOUT).done == 1
    assert time.time() >= due
    assert notes(key)[0][3] == batch.bid
    wait_until(lambda: not waiting(driver.client), what="it to be struck off")


def test_what_is_put_back_for_long_waits_in_redis_too(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs():
        pushed = driver.push("over", key, 1, HOUR)
    wait_until(lambda: waiting(driver.client), TIMEOUT)
    assert driver.client.store.run(calls.runs(batch.keys)) == {}, "nobody runs it now"
    ((text, _),) = waiting(driver.client)
    assert [job for job, _ in notes(key)] == [pushed]
    assert text.count(pushed) or driver.client.engine.name == "dramatiq"
    forget(driver.client)
    batch.delete()


def test_outside_of_batches_nothing_changes(url: Url) -> None:
    app, client = celery_app(url)
    app.task(anything, name="kept", shared=False).apply_async(countdown=HOUR)
    assert waiting(client) == []
    broker = StubBroker()
    client = install_on_dramatiq(broker, Shiftboss(url(44), namespace="kept", engine=DramatiqEngine(broker)))
    dramatiq.actor(anything, broker=broker).send_with_options(delay=HOUR * 1000)
    assert waiting(client) == []


def test_what_a_celery_call_said_is_kept(url: Url) -> None:
    app, client = celery_app(url)
    task = app.task(anything, name="kept", shared=False)
    eta = datetime.now(UTC) + timedelta(days=40)
    with Batch(client=client).jobs():
        task.apply_async(
            (1,), {"b": 2}, eta=eta, expires=50 * 24 * HOUR, queue="slow", priority=3, link=task.si("next")
        )
    ((text, _),) = waiting(client)
    name, args, kwargs, options = texts.from_text(app, text)
    assert (name, args, kwargs, options["eta"]) == ("kept", [1], {"b": 2}, eta)
    assert (options["queue"], options["priority"], options["link"]["args"]) == ("slow", 3, ["next"])
    assert abs(options["expires"] - datetime.now(UTC) - timedelta(days=50)) < timedelta(minutes=1)
    assert json.loads(text)["id"] == options["task_id"]
    forget(client)


def test_celery_arguments_that_cannot_be_kept_leave_no_member(url: Url) -> None:
    app, client = celery_app(url)
    task = app.task(anything, name="kept", shared=False)
    batch = Batch(client=client)
    with pytest.raises(NotPublished), batch.jobs():
        task.apply_async((object(),), countdown=HOUR)
    assert waiting(client) == []


def test_celery_keeps_a_long_retry_of_a_member(celery: CeleryDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(celery)
    with batch.jobs():
        celery.task("retry_late").delay(key)
    wait_until(lambda: waiting(celery.client), TIMEOUT)
    wait_until(lambda: batch.status().failing == 1, what="the failure to be told")
    ((text, _),) = waiting(celery.client)
    assert texts.from_text(celery.app, text)[3]["retries"] == 1
    forget(celery.client)
    batch.delete()
