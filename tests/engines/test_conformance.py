"""What batches are on every engine. One worker for each serves all cases."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from shiftboss.batches import Batch, BatchError, calls, enqueue_after
from shiftboss.jobs import Member, Message
from tests.engines.actions import notes, open_gate
from tests.engines.driver import QUEUE, Driver
from tests.waiting import wait_until

NewBatch = Callable[..., Batch]
TIMEOUT = 20.0


def events(key: str, *expected: str) -> list[str]:
    """The events that were called back, sorted, once so many have been."""
    wait_until(lambda: len(notes(f"{key}:events")) >= len(expected), TIMEOUT, f"the events {expected}")
    return sorted(notes(f"{key}:events"))


def test_success(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs() as added:
        ids = [driver.push("note", key, number) for number in range(10)]
        assert added.ids == ids
    status = batch.join(timeout=TIMEOUT)
    assert sorted(notes(key)) == list(range(10))
    assert (status.total, status.done, status.failing, status.dead) == (10, 10, 0, 0)
    assert events(key, "complete", "success", "finished") == ["complete", "finished", "success"]


def test_every_way_to_push(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs() as added:
        ids = [
            driver.push("note", key, "single"),
            *driver.push_many("note", [(key, "many"), (key, "many")]),
            driver.push_by_name("note", key, "by name"),
            driver.push("note", key, "delayed", delay=0.3),
        ]
        assert added.ids == ids
    assert batch.join(timeout=TIMEOUT).total == 5
    assert Counter(notes(key)) == {"single": 1, "many": 2, "by name": 1, "delayed": 1}
    assert notes(key)[-1] == "delayed"


def test_pushes_from_inside_a_member(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs():
        driver.push("fork", key, "note", 3)
    status = batch.join(timeout=TIMEOUT)
    assert (status.total, status.done) == (4, 4)
    assert sorted(notes(key)) == [0, 1, 2]
    assert events(key, "complete", "success", "finished") == ["complete", "finished", "success"]


def test_complete_while_a_retry_waits_then_success(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs():
        driver.push("flaky", key)
        driver.push("note", key, "easy")
    status = batch.join(timeout=TIMEOUT, event="complete")
    assert (status.done, status.failing, status.success_at) == (1, 1, None)
    assert events(key, "complete") == ["complete"]
    open_gate(key)
    status = batch.join(timeout=TIMEOUT)
    assert (status.done, status.failing, status.dead) == (2, 0, 0)
    assert notes(key) == ["easy", "got through"]
    assert events(key, "complete", "success", "finished") == ["complete", "finished", "success"]


def test_retried_then_dead(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs():
        driver.push("doomed", key)
        driver.push("note", f"{key}:other", "fine")
    status = batch.join(timeout=TIMEOUT, event="finished")
    assert (status.done, status.failing, status.dead, status.state) == (1, 0, 1, "dead")
    assert notes(key) == ["tried", "tried"]
    # Some engines publish the retry before they tell of the failure, which may then be told last.
    told = sorted((f.error, f.message, f.attempt) for f in status.failures)
    assert told == [("ValueError", "never", n) for n in (0, 1)]
    assert events(key, "complete", "death", "finished") == ["complete", "death", "finished"]
    with pytest.raises(BatchError):
        batch.join(timeout=TIMEOUT)


def test_invalidated_members_that_have_not_started_are_left_out(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs():
        driver.push("slow", key)
        for number in range(3):
            driver.push("note", key, number, delay=1.0)
    wait_until(lambda: notes(key), TIMEOUT, "the job that runs")
    batch.invalidate()
    open_gate(key)
    status = batch.join(timeout=TIMEOUT)
    assert (status.done, status.invalidated) == (4, True)
    assert notes(key)[1:] == ["ended"]
    assert events(key, "complete", "success", "finished") == ["complete", "finished", "success"]


def test_an_empty_batch(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs():
        pass
    assert batch.join(timeout=TIMEOUT).total == 0
    assert events(key, "complete", "success", "finished") == ["complete", "finished", "success"]


def test_a_callback_that_fails_is_retried_by_the_engine(driver: Driver, key: str) -> None:
    batch = Batch(client=driver.client).on("success", "tests.engines.actions:heard_late", {"key": key})
    with batch.jobs():
        driver.push("note", f"{key}:job", 1)
    wait_until(lambda: notes(key) == ["heard"], TIMEOUT, "the callback's second run")
    wait_until(lambda: batch.status().callbacks[0].state == "done")


def test_a_duplicate_delivery_counts_once(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs():
        jid = driver.push("note", key, "twice")
        driver.push("slow", f"{key}:slow")
    copy = Message(driver.name_of("note"), (key, "twice"), QUEUE, jid, batch=Member(batch.bid, 0))
    driver.client.perform(driver.client.engine.enqueue([copy]))
    wait_until(lambda: len(notes(key)) == 2, what="both runs")
    # What comes after the copy in the queue shows that the copy has been acknowledged, or soon will be.
    driver.push("note", key, "after")
    wait_until(lambda: len(notes(key)) == 3)
    status = batch.status()
    assert (status.total, status.done, status.complete_at) == (2, 1, None)
    open_gate(f"{key}:slow")
    assert batch.join(timeout=TIMEOUT).done == 2
    assert events(key, "complete", "success", "finished") == ["complete", "finished", "success"]


def test_over_a_limit_it_is_put_back_with_the_same_id_and_no_retry_used(
    driver: Driver, new_batch: NewBatch, key: str
) -> None:
    batch = new_batch(driver)
    with batch.jobs():
        jid = driver.push("over", key, 2)
    wait_until(lambda: notes(key))
    assert batch.status().complete_at is None
    status = batch.join(timeout=TIMEOUT)
    assert notes(key) == [[jid, 0]] * 3
    assert (status.total, status.done, status.failing, status.dead) == (1, 1, 0, 0)
    assert events(key, "complete", "success", "finished") == ["complete", "finished", "success"]


def test_current_job_and_batch(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs():
        member = driver.push("about", key)
    batch.join(timeout=TIMEOUT)
    other = driver.push("about", key)
    wait_until(lambda: len(notes(key)) == 2)
    assert notes(key) == [[member, QUEUE, 0, batch.bid], [other, QUEUE, 0, None]]


def test_a_child_batch(driver: Driver, new_batch: NewBatch, key: str) -> None:
    parent = new_batch(driver, "parent ")
    with parent.jobs():
        driver.push("note", key, "of the parent")
        child = new_batch(driver, "child ")
        with child.jobs():
            driver.push("slow", key)
    wait_until(lambda: len(notes(key)) == 2, what="both jobs to run")
    assert parent.status().complete_at is None
    open_gate(key)
    status = parent.join(timeout=TIMEOUT)
    assert (status.total, status.done, status.children) == (1, 1, 1)
    names = [f"{who} {event}" for who in ("child", "parent") for event in ("complete", "finished", "success")]
    assert events(key, *names) == names
    order: list[Any] = notes(f"{key}:events")
    assert order.index("child success") < order.index("parent success")


def test_what_a_crash_left_to_be_done_is_done(driver: Driver, new_batch: NewBatch, key: str) -> None:
    """A member is acknowledged, and its process dies before it can enqueue what that brings about."""
    batch = new_batch(driver)
    with batch.jobs():
        driver.push("slow", key)
    wait_until(lambda: notes(key))
    decided = driver.client.store.run(calls.ack(batch.keys, batch.bid, QUEUE, 0, [0, "s", ""]))
    assert len([item for item in decided if item.startswith("batch|callback|")]) == 3
    assert events(key, "complete", "success", "finished") == ["complete", "finished", "success"]
    open_gate(key)


def test_results_of_members(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver, results=True)
    with batch.jobs():
        for number in range(5):
            driver.push("reporting", key, number)
    batch.join(timeout=TIMEOUT)
    assert notes(key) == [True] * 5
    assert list(batch.results()) == [{"number": number, "run": 1} for number in range(5)]


def test_a_job_that_waits_for_others(driver: Driver, new_batch: NewBatch, key: str) -> None:
    batch = new_batch(driver)
    with batch.jobs():
        driver.push("slow", key)
    last = Message(driver.name_of("note"), (key, "last"), QUEUE, secrets.token_hex(12))
    with driver.client:
        waiting = enqueue_after([batch, partial(driver.push, "note", key, "first")], last)
    wait_until(lambda: len(notes(key)) == 2, TIMEOUT, "the first jobs")
    open_gate(key)
    waiting.join(timeout=TIMEOUT)
    wait_until(lambda: notes(key)[2:] == ["ended", "last"], TIMEOUT, "the last job")
