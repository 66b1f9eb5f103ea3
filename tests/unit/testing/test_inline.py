"""`inline`: jobs run as they are pushed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shiftboss.batches import Batch
from shiftboss.testing import Sandbox, inline
from tests.unit.testing import jobs


@pytest.fixture(autouse=True)
def sandbox() -> Iterator[Sandbox]:
    with inline() as sandbox:
        yield sandbox


def test_a_job_has_run_when_its_push_returns(noted: list[Any]) -> None:
    jobs.note.perform_async(1)
    jobs.note_later.perform_in(3600, 2)
    jobs.Greet.perform_bulk([["Ada"], ["Bob"]])
    assert noted == [1, 2, "hello Ada", "hello Bob"]


def test_what_a_job_pushes_runs_within_it(noted: list[Any]) -> None:
    jobs.note_twice.perform_async("x")
    jobs.count_down.perform_async(2)
    assert noted == ["x", "x", 2, 1, 0]


def test_its_error_comes_out_of_the_push(sandbox: Sandbox) -> None:
    with pytest.raises(ZeroDivisionError):
        jobs.fail.perform_async()
    assert sandbox.jobs == []


def test_a_job_that_failed_is_repeated_only_when_it_is_asked_for(sandbox: Sandbox, noted: list[Any]) -> None:
    with pytest.raises(ZeroDivisionError):
        jobs.fail.set(retry=1).perform_async()
    jobs.note.perform_async(1)
    jobs.note_later.perform_in(60, 2)
    assert noted == [1, 2]
    assert [message.name for message in sandbox.jobs] == [jobs.fail.job_name]
    with pytest.raises(ZeroDivisionError):
        sandbox.drain()
    assert sandbox.jobs == []


def test_a_batch_has_succeeded_when_its_block_ends(noted: list[Any]) -> None:
    batch = jobs.invoice(1, 2)
    assert noted == [1, 2, ("success", 2, {"month": "May"})]
    assert batch.status().state == "succeeded"


@pytest.mark.asyncio
async def test_it_works_in_a_coroutine(noted: list[Any]) -> None:
    await jobs.note_later.aperform_async(1)
    jobs.note_later.perform_async(2)
    await jobs.push_from_coroutine.aperform_async(3)
    assert noted == [1, 2, 3]


def test_a_child_has_succeeded_before_its_parent_does(noted: list[Any]) -> None:
    parent, child = Batch(), Batch()
    parent.on("success", jobs.told, {"of": "parent"})
    child.on("success", jobs.told, {"of": "child"})
    with parent.jobs():
        jobs.note.perform_async(1)
        with child.jobs():
            jobs.note.perform_async(2)
    told = [one for one in noted if isinstance(one, tuple)]
    assert told == [("success", 1, {"of": "child"}), ("success", 1, {"of": "parent"})]
    assert noted[-1] == told[-1]
    assert (parent.status().state, child.status().state) == ("succeeded", "succeeded")
