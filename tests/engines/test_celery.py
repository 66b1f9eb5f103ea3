"""What is Celery's own: its ways to call tasks, and its many ways to end them."""

from __future__ import annotations

import asyncio
import os
import pickle
import signal
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from celery import Celery, chain, chord, group
from celery.app.trace import build_tracer
from celery.exceptions import Reject
from celery.result import AsyncResult

from shiftboss import JobError, Shiftboss
from shiftboss.batches import Batch, calls
from shiftboss.engines.celery import CeleryEngine, install
from shiftboss.jobs import PLACE
from tests.engines.actions import notes, open_gate
from tests.engines.app_celery import CeleryDriver
from tests.engines.conftest import Url
from tests.engines.driver import QUEUE
from tests.waiting import wait_until

NewBatch = Callable[..., Batch]
TIMEOUT = 20.0
UTC_NOW = datetime.now(UTC)


def ended(batch: Batch, key: str) -> tuple[int, int]:
    """How many members succeeded and died, once all have."""
    status = batch.join(timeout=TIMEOUT, event="finished")
    wait_until(lambda: "finished" in notes(f"{key}:events"))
    return status.done, status.dead


def test_nobody_waits_inside_the_block_for_what_is_published_after_it(
    celery: CeleryDriver, new_batch: NewBatch, key: str
) -> None:
    with new_batch(celery).jobs():
        result = celery.task("note").delay(key, 1)
        with pytest.raises(JobError, match="not published before its jobs block has ended"):
            result.get(timeout=1)
        copy = pickle.loads(pickle.dumps(result))
    assert type(copy).get is type(result).get is AsyncResult.get
    assert result.get(timeout=TIMEOUT) is None
    assert result.id == copy.id


def test_of_a_chain_the_first_link_and_of_a_chord_the_header_are_members_and_all_of_it_runs(
    celery: CeleryDriver, new_batch: NewBatch, key: str
) -> None:
    batch, note = new_batch(celery), celery.task("note")
    with batch.jobs():
        chain(note.si(key, "first"), note.si(key, "second"), note.si(key, "third")).apply_async()
        chord([note.si(key, "header"), note.si(key, "header")], note.si(key, "body"), app=celery.app).apply_async()
        group(note.si(key, "group"), note.si(key, "group")).apply_async()
    assert ended(batch, key) == (5, 0)
    wait_until(lambda: len(notes(key)) == 8, what="all of the canvas")
    assert sorted(notes(key)) == ["body", "first", "group", "group", "header", "header", "second", "third"]
    assert [what for what in notes(key) if what in {"first", "second", "third"}] == ["first", "second", "third"]
    assert notes(key).index("body") > max(i for i, what in enumerate(notes(key)) if what == "header")


def test_keyword_arguments_and_execution_options_are_kept(celery: CeleryDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(celery)
    task, names = celery.task("keywords"), {"what": "as it was"}
    with batch.jobs():
        task.apply_async((key,), names)
        task.apply_async((key,), {"what": "expired"}, expires=UTC_NOW - timedelta(hours=1))
        task.s(key).set(eta=datetime.now(UTC) + timedelta(seconds=0.2), priority=3).delay(what="later")
        task.apply_async((key,), {"what": "linked"}, link=celery.task("note").si(key, "link"), queue="default")
        names["what"] = "changed"
    assert ended(batch, key) == (3, 1)
    wait_until(lambda: len(notes(key)) == 4)
    assert sorted(notes(key)) == ["as it was", "later", "link", "linked"]


def test_a_task_can_be_a_callback(celery: CeleryDriver, key: str) -> None:
    batch = Batch(client=celery.client, callback_queue="default")
    batch.on("success", celery.task("as_callback"), {"key": key})
    with batch.jobs():
        celery.push("note", f"{key}:job", 1)
    wait_until(lambda: notes(key), TIMEOUT)
    assert notes(key) == [["task", batch.bid]]
    wait_until(lambda: batch.status().callbacks[0].state == "done")


def test_a_block_in_a_coroutine(celery: CeleryDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(celery)

    async def push() -> None:
        async with batch.jobs():
            celery.push("note", key, "async")
        await celery.client.aclose()

    asyncio.run(push())
    assert ended(batch, key) == (1, 0)


@pytest.mark.parametrize(
    ("name", "args", "expected"),
    [
        ("ignores", (), (1, 0)),
        ("rejects", (), (0, 1)),
        ("cannot_go_back", (), (0, 1)),
        ("unstorable", (), (0, 1)),
        ("replaced", (), (1, 0)),
        ("replaced", (True,), (0, 1)),
        ("forgetful", (False,), (1, 0)),
        ("forgetful", (True,), (0, 1)),
        ("over_without_retries", (1,), (1, 0)),
    ],
)
def test_however_a_task_ends_its_batch_does(
    celery: CeleryDriver, new_batch: NewBatch, key: str, name: str, args: tuple[object, ...], expected: tuple[int, int]
) -> None:
    batch = new_batch(celery)
    with batch.jobs():
        celery.push(name, key, *args)
    assert ended(batch, key) == expected


def test_a_retry_without_an_error_says_that_it_is_one(celery: CeleryDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(celery)
    with batch.jobs():
        celery.push("asks_again", key)
    assert ended(batch, key) == (1, 0)
    # The retry may have run before the failure is told.
    wait_until(lambda: batch.status().failures)
    (failure,) = batch.status().failures
    assert (failure.error, failure.message) == ("celery.exceptions.Retry", "Retry in 0s")


def test_a_task_that_goes_back_to_the_broker_has_not_run(celery: CeleryDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(celery)
    with batch.jobs():
        celery.push("goes_back", key)
    wait_until(lambda: len(notes(key)) == 2, TIMEOUT, "it to come again")
    status = batch.status()
    assert (status.pending, status.failed) == (1, 0)
    open_gate(key)
    assert ended(batch, key) == (1, 0)


def test_nobody_runs_a_task_that_goes_back_to_the_broker(url: Url, key: str) -> None:
    app = Celery("alone", broker="memory://", set_as_current=False)
    client = install(app, Shiftboss(url(44), namespace="alone", engine=CeleryEngine(app)))
    noted = []

    @app.task(name="goes_back", acks_late=True, shared=False)
    def goes_back() -> None:
        noted.append(client.store.run(calls.runs(batch.keys)))
        raise Reject("not here", requeue=True)

    batch = Batch(client=client)
    with batch.jobs():
        goes_back.delay()
    request = {"id": key, "headers": {PLACE: [batch.bid, 0]}, "delivery_info": {}, "called_directly": False}
    build_tracer(goes_back.name, goes_back, app=app)(key, (), {}, request)
    assert [set(runs) for runs in noted] == [{0}]
    assert client.store.run(calls.runs(batch.keys)) == {}
    batch.delete()


def test_the_main_process_reports_what_a_task_cannot(celery: CeleryDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(celery)
    with batch.jobs():
        celery.push("slow", key)
        celery.push("limited_in_time", f"{key}:limited")
        celery.app.send_task("conformance.unknown", (key,))
        revoked = celery.push("note", key, "revoked", delay=0.5)
    celery.app.control.revoke(revoked)
    wait_until(lambda: notes(key), what="the task to run")
    os.kill(notes(key)[0], signal.SIGKILL)
    assert ended(batch, key) == (0, 4)
    assert "revoked" not in notes(key)
    assert {failure.error.rpartition(".")[2] for failure in batch.status().failures} == {
        "WorkerLostError",
        "TimeLimitExceeded",
        "NotRegistered",
        "RuntimeError",
    }


def test_a_retry_inside_an_open_block_is_not_collected(celery: CeleryDriver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(celery)
    with batch.jobs() as added:
        celery.task("note").apply_async((key, "a retry"), retries=1)
        assert added.ids == []
        wait_until(lambda: notes(key) == ["a retry"], TIMEOUT)
    assert batch.join(timeout=TIMEOUT).total == 0


def test_members_go_to_the_queue_that_routes_say(celery: CeleryDriver, key: str) -> None:
    batch = Batch(client=celery.client)
    with batch.jobs():
        celery.task("about").apply_async((key,), queue="default")
        celery.push("about", key)
    batch.join(timeout=TIMEOUT)
    assert {queue for _, queue, _, _ in notes(key)} == {"default", QUEUE}
