"""`fake`: jobs wait until the test runs them."""

from __future__ import annotations

import threading
import traceback
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shiftboss import JobError, Shiftboss, configure, current_client
from shiftboss.batches import Batch
from shiftboss.testing import Clock, Sandbox, clear_all, drain_all, fake
from shiftboss.testing import sandbox as sandbox_module
from tests.unit.testing import jobs


def test_a_job_waits_until_it_is_drained(sandbox: Sandbox, noted: list[Any]) -> None:
    jid = jobs.note.perform_async({"a": [1]})
    assert [(job.id, job.args, job.queue, job.at) for job in jobs.note.jobs] == [(jid, ({"a": [1]},), "low", None)]
    assert noted == []
    assert jobs.note.drain() == 1
    assert noted == [{"a": [1]}]
    assert jobs.note.jobs == []


def test_drain_runs_one_job_and_leaves_the_others(sandbox: Sandbox, noted: list[Any]) -> None:
    jobs.Greet.perform_async("Ada")
    jobs.note.perform_async(1)
    assert jobs.Greet.drain() == 1
    assert noted == ["hello Ada"]
    assert len(jobs.note.jobs) == 1
    assert jobs.Greet.jobs == []


def test_drain_runs_what_the_job_pushes_of_itself(sandbox: Sandbox, noted: list[Any]) -> None:
    jobs.count_down.perform_async(3)
    assert jobs.count_down.drain() == 4
    assert noted == [3, 2, 1, 0]


def test_drain_all_runs_everything_in_order_and_then_what_is_due_later(sandbox: Sandbox, noted: list[Any]) -> None:
    jobs.note.perform_in(60, "in a minute")
    jobs.note.perform_in(30, "in half a minute")
    jobs.note_twice.perform_async("twice")
    jobs.note_later.perform_async("coroutine")
    assert drain_all() == 6
    assert noted == ["coroutine", "twice", "in half a minute", "in a minute", "twice"]


def test_perform_one_runs_the_next(sandbox: Sandbox, noted: list[Any]) -> None:
    jobs.note.perform_bulk([[1], [2]])
    assert jobs.note.perform_one().args == (1,)
    assert noted == [1]
    sandbox.perform_one()
    with pytest.raises(JobError, match="expected a job to perform, but none waits"):
        jobs.note.perform_one()


def test_clear_forgets_the_jobs_of_one_name_and_clear_all_of_every(sandbox: Sandbox, noted: list[Any]) -> None:
    jobs.note.perform_async(1)
    jobs.note.perform_in(60, 2)
    jobs.Greet.perform_async("Ada")
    assert jobs.note.clear() == 2
    assert [job.name for job in sandbox.jobs] == [jobs.Greet.job_name]
    assert clear_all() == 1
    assert jobs.Greet.clear() == 0
    assert drain_all() == 0


def test_an_error_comes_out_of_drain_with_its_own_traceback(sandbox: Sandbox) -> None:
    jobs.fail.perform_async()
    with pytest.raises(ZeroDivisionError) as caught:
        jobs.fail.drain()
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "fail"
    assert sandbox.jobs == []


def test_a_job_that_failed_is_repeated_by_the_next_drain(
    sandbox: Sandbox, noted: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "broken", True)
    jobs.fail_while_broken.perform_async("x")
    for _ in range(2):
        with pytest.raises(ValueError, match="broken: x"):
            drain_all()
    monkeypatch.setattr(jobs, "broken", False)
    assert drain_all() == 1
    assert noted == ["x"]


def test_jobs_that_push_one_another_for_ever_are_told(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_module, "MOST_RUNS", 20)
    jobs.forever.perform_async()
    with pytest.raises(
        JobError, match=r"20 runs and no end: expected jobs to stop pushing one another; .*forever is next"
    ):
        drain_all()


def test_a_job_knows_itself(sandbox: Sandbox, noted: list[Any]) -> None:
    jid = jobs.note_who.set(queue="elsewhere").perform_async()
    drain_all()
    assert noted == [(jid, "elsewhere")]


def test_what_json_would_change_is_refused_as_in_production(sandbox: Sandbox) -> None:
    with pytest.raises(JobError, match=r"args\[0\]"):
        jobs.note.perform_async(datetime.now(UTC))


def test_drain_goes_through_a_batch_and_its_callbacks(sandbox: Sandbox, noted: list[Any]) -> None:
    batch = jobs.invoice(1, 2, 3)
    assert batch.status().state == "running"
    assert drain_all() == 4
    assert noted == [1, 2, 3, ("success", 3, {"month": "May"})]
    assert batch.status().state == "succeeded"


def test_a_death_in_a_batch_is_an_error_and_then_its_callback(sandbox: Sandbox, noted: list[Any]) -> None:
    batch = Batch().on("death", jobs.mourned)
    with batch.jobs():
        jobs.fail.perform_async()
    with pytest.raises(ZeroDivisionError):
        drain_all()
    drain_all()
    assert noted == [("death", 1)]


def test_a_job_without_room_behind_its_limiter_is_put_back(sandbox: Sandbox, noted: list[Any]) -> None:
    with jobs.one_at_a_time.within_limit():
        jobs.alone.perform_async(1)
        jobs.alone.perform_one()
        assert noted == []
        assert jobs.alone.jobs[0].at is not None
    assert drain_all() == 1
    assert noted == [1]


def test_threads_use_the_sandbox_too(sandbox: Sandbox) -> None:
    thread = threading.Thread(target=jobs.note.perform_async, args=[1])
    thread.start()
    thread.join()
    assert len(jobs.note.jobs) == 1


def test_sandboxes_nest_and_each_begins_empty(sandbox: Sandbox) -> None:
    jobs.note.perform_async(1)
    with fake():
        assert jobs.note.jobs == []
        jobs.note.perform_async(2)
        jobs.note.perform_async(3)
    assert [job.args for job in jobs.note.jobs] == [(1,)]


def test_afterwards_the_configured_client_is_the_default_again() -> None:
    with fake() as sandbox:
        assert current_client() is sandbox.client
        configured = configure("fake://afterwards")
        assert current_client() is sandbox.client
    assert current_client() is configured


def test_a_client_that_is_entered_is_used_in_a_sandbox_as_well(sandbox: Sandbox) -> None:
    with Shiftboss("fake://mine") as mine:
        assert current_client() is mine


def test_without_a_sandbox_nothing_is_run_or_cleared() -> None:
    for attempt in (drain_all, clear_all, jobs.note.drain, jobs.note.clear, lambda: jobs.note.jobs, jobs.Greet.drain):
        with pytest.raises(JobError, match=r"call shiftboss\.testing\.fake\(\) first"):
            attempt()


def test_the_clock_reaches_what_is_due_later(sandbox: Sandbox, noted: list[Any]) -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    with Clock(noon) as clock:
        jobs.note.perform_in(timedelta(hours=3), "later")
        assert jobs.note.jobs[0].at == (noon + timedelta(hours=3)).timestamp()
        clock.move(timedelta(minutes=5))
        assert drain_all() == 1
        assert datetime.now(UTC) == noon + timedelta(hours=3)


def test_the_clock_is_the_servers_too(sandbox: Sandbox) -> None:
    with Clock(datetime(2026, 3, 1, 12, tzinfo=UTC)) as clock:
        batch = jobs.invoice(1)
        assert batch.status().created_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
        clock.move(timedelta(days=31))
        with pytest.raises(Exception, match="expired"):
            batch.status()


def test_a_clock_refuses_a_time_without_a_zone() -> None:
    with pytest.raises(ValueError, match="expected a datetime with a time zone"):
        Clock(datetime(2026, 3, 1, 12))  # noqa: DTZ001


@pytest.mark.asyncio
async def test_coroutines_run_from_a_coroutine_test(sandbox: Sandbox, noted: list[Any]) -> None:
    await jobs.push_from_coroutine.aperform_async("x")
    assert drain_all() == 2
    assert noted == ["x"]
