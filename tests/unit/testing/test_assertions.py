"""`assert_enqueued` and `perform_enqueued`."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shiftboss.testing import Sandbox, assert_enqueued, perform_enqueued
from tests.unit.testing import jobs


def test_a_job_that_waits_is_found_by_all_that_is_said_of_it(sandbox: Sandbox) -> None:
    soon = datetime.now(UTC) + timedelta(hours=1)
    jobs.note.perform_async("a")
    jobs.note.perform_at(soon, "b")
    assert_enqueued(jobs.note)
    assert_enqueued(jobs.note, count=2)
    assert_enqueued(jobs.note, args=["a"], queue="low", at=None, count=1)
    assert_enqueued(jobs.note.job_name, args=("b",), at=soon)
    assert_enqueued(jobs.note, at=pytest.approx(time.time() + 3600, abs=60))
    assert_enqueued(jobs.Greet, count=0)
    assert [job.args for job in assert_enqueued(jobs.note)] == [("a",), ("b",)]


def test_its_failure_shows_what_was_enqueued(sandbox: Sandbox) -> None:
    jobs.note.perform_async("a")
    jobs.note.perform_at(datetime(2126, 1, 1, tzinfo=UTC), "b")
    with pytest.raises(AssertionError) as caught:
        assert_enqueued(jobs.note, args=["c"], queue="low")
    name = jobs.note.job_name
    assert str(caught.value) == (
        f"expected at least one job {name}, args=['c'], queue='low', found 0; enqueued are:\n"
        f"  {name}('a') on low\n"
        f"  {name}('b') on low at 2126-01-01T00:00:00+00:00"
    )


def test_its_failure_says_how_many_there_were(sandbox: Sandbox) -> None:
    with pytest.raises(AssertionError, match=r"expected 1 job .*note, found 0; nothing is enqueued"):
        assert_enqueued(jobs.note, count=1)
    jobs.note.perform_bulk([[n] for n in range(25)])
    with pytest.raises(AssertionError, match=r"expected 2 jobs .*note, found 25; (.|\n)*and 5 more$"):
        assert_enqueued(jobs.note, count=2)


def test_perform_enqueued_runs_what_its_body_pushed(sandbox: Sandbox, noted: list[Any]) -> None:
    jobs.note.perform_async("before")
    with perform_enqueued():
        jobs.note_twice.perform_async("x")
        assert noted == []
    assert noted == ["x", "x"]
    assert [job.args for job in sandbox.jobs] == [("before",)]


def test_perform_enqueued_runs_nothing_after_an_error(sandbox: Sandbox, noted: list[Any]) -> None:
    with pytest.raises(KeyError), perform_enqueued():
        jobs.note.perform_async("x")
        raise KeyError
    assert noted == []
