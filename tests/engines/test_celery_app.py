"""A Celery app without a worker: installing, publishing that fails, eager tasks, outcomes that are hard to tell."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator

import pytest
from celery import Celery, Task

from shiftboss import ConfigError, Shiftboss
from shiftboss import client as clients
from shiftboss.batches import Batch, BatchNotFound
from shiftboss.engine import NotPublished
from shiftboss.engines.celery import CeleryEngine, ShiftbossTask, client_of, install
from shiftboss.jobs import Member, Message, Outcome
from shiftboss.reporting import tell
from tests.engines.actions import notes
from tests.engines.app_celery import CeleryDriver
from tests.engines.conftest import Url
from tests.engines.driver import QUEUE
from tests.servers import ServerProcess, embedded_binary

NewBatch = Callable[..., Batch]


def nothing() -> None: ...


@pytest.fixture
def idle(url: Url) -> Iterator[CeleryDriver]:
    """Its messages stay in this process, and nobody takes them."""
    driver = CeleryDriver(url(10), "memory://")
    yield driver
    driver.app.close()


@pytest.fixture
def eager(url: Url) -> Iterator[CeleryDriver]:
    driver = CeleryDriver(url(10), "memory://", task_always_eager=True)
    yield driver
    driver.app.close()


def test_install_configures_the_default_client() -> None:
    app = Celery("shop", broker="memory://", set_as_current=False)
    client = install(app)
    assert clients.current_client() is client is client_of(app)
    assert isinstance(client.engine, CeleryEngine)
    assert issubclass(app.Task, ShiftbossTask)
    assert install(app) is install(app, client) is client


def test_an_app_made_with_the_base_installs_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTBOSS_URL", "fake://self-made")
    base = "shiftboss.engines.celery:ShiftbossTask"
    app = Celery("shop", broker="memory://", task_cls=base, set_as_current=False)
    task = app.task(nothing, name="nothing", shared=False, lazy=False)
    with Batch().jobs() as added:
        result = task.delay()
        assert added.ids == [result.id]
        assert app.send_task("nothing").id == added.ids[1]
    assert clients.current_client() is client_of(app)


def test_a_configured_client_needs_this_app_as_its_engine() -> None:
    app = Celery("shop", broker="memory://", set_as_current=False)
    clients.configure("fake://shop")
    with pytest.raises(ConfigError, match=r"give it engine=CeleryEngine\(app\)"):
        install(app)
    with pytest.raises(ConfigError, match=r"call install\(app\) before its tasks"):
        client_of(app)


def test_install_comes_before_tasks() -> None:
    app = Celery("shop", broker="memory://", set_as_current=False)
    app.task(nothing, name="early", lazy=False, shared=False)
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"has defined tasks already; call install\(app\) before them"):
            install(app, Shiftboss("fake://shop", engine=CeleryEngine(app)))


def test_a_base_of_the_users_own_is_kept(idle: CeleryDriver) -> None:
    class Base(Task):
        abstract = True

    app = Celery("shop", broker="memory://", task_cls=Base, set_as_current=False)
    install(app, Shiftboss("fake://shop", engine=CeleryEngine(app)))
    assert issubclass(app.Task, Base)
    assert issubclass(app.Task, ShiftbossTask)


def test_a_task_that_could_not_report_is_refused(idle: CeleryDriver) -> None:
    idle.app.task(nothing, name="deaf", base=Task, lazy=False, shared=False)
    with pytest.raises(ConfigError, match="'deaf' cannot be a batch's"), Batch(client=idle.client).jobs():
        idle.app.send_task("deaf")


def test_without_celery_the_error_names_what_to_install() -> None:
    program = "import sys; sys.modules['celery'] = None; import shiftboss.engines.celery"
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1].endswith("Celery is not installed; run: pip install 'shiftboss[celery]'")


def test_a_broker_that_is_away_leaves_no_member(url: Url, new_batch: NewBatch, key: str) -> None:
    driver = CeleryDriver(
        url(10), "redis://127.0.0.1:1/0", task_publish_retry=False, broker_transport_options={"max_retries": 0}
    )
    batch = new_batch(driver)
    with pytest.raises(NotPublished, match="2 of 2 tasks were not published") as raised, batch.jobs() as added:
        driver.push("note", key, 1)
        driver.push("note", key, 2)
    assert raised.value.ids == set(added.ids)
    with pytest.raises(BatchNotFound):
        batch.status()


def test_what_cannot_be_serialized_leaves_no_member_in_a_batch_that_goes_on(idle: CeleryDriver) -> None:
    with Batch(client=idle.client) as batch:
        with batch.jobs():
            first = idle.push("note", "key", 1)
        with pytest.raises(NotPublished, match="1 of 1 tasks"), batch.jobs():
            idle.push("note", "key", object())
    tell(idle.client, member(batch, first, 0), Outcome.SUCCEEDED, None)
    assert batch.status().state == "succeeded"


def test_eager_tasks_run_when_the_block_ends(eager: CeleryDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(eager)
    with batch.jobs() as added:
        ids = [eager.push("note", key, number) for number in range(3)]
        eager.push("doomed", f"{key}:doomed")
        assert notes(key) == []
        assert added.ids[:3] == ids
    assert notes(key) == [0, 1, 2]
    status = batch.status()
    assert (status.total, status.done, status.dead) == (4, 3, 1)
    assert sorted(notes(f"{key}:events")) == ["complete", "death", "finished"]


def test_outside_of_blocks_nothing_changes(idle: CeleryDriver, eager: CeleryDriver, key: str) -> None:
    result = idle.task("note").apply_async((key, object()), serializer="pickle", task_id="chosen")
    assert result.id == "chosen"
    assert eager.task("note").delay(key, 1).successful()
    eager.task("note")(key, 2)
    assert notes(key) == [1, 2]


def test_an_outcome_is_told_again_while_redis_is_away(idle: CeleryDriver) -> None:
    with ServerProcess(embedded_binary()).start() as server:
        client = Shiftboss(server.url, timeout=0.2, engine=CeleryEngine(idle.app))
        batch = Batch(client=client)
        with batch.jobs():
            client.perform(client.push([Message("conformance.note", ("key", 1), QUEUE, "one")]))
        server.freeze()
        assert not tell(client, member(batch, "one", 0), Outcome.SUCCEEDED, None, patience=0.3)
        threading.Timer(0.5, server.thaw).start()
        assert tell(client, member(batch, "one", 0), Outcome.SUCCEEDED, None)
        assert batch.status().done == 1
        client.close()


def member(batch: Batch, jid: str, position: int) -> Message:
    return Message("conformance.note", (), QUEUE, jid, batch=Member(batch.bid, position))
