"""Threads of a worker: as many as there is work for, each called by the one before."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import gc
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from shiftboss.engines.sidekiq.worker.crew import Crew
from tests.waiting import wait_until


async def nothing() -> None:
    """No farewell."""


def test_jobs_that_wait_for_one_another_all_run_at_once() -> None:
    crew, together = Crew(5), threading.Barrier(5, timeout=10)
    for _ in range(3):
        met: list[int] = []
        for _ in range(5):
            crew.run(lambda met=met: met.append(together.wait()))  # type: ignore[misc]
        wait_until(lambda met=met: len(met) == 5)  # type: ignore[misc]
    crew.dismiss(nothing)


def test_no_job_is_forgotten_between_two_threads() -> None:
    crew, ran = Crew(4), list[int]()
    for number in range(20_000):
        crew.run(lambda number=number: ran.append(number))  # type: ignore[misc]
    wait_until(lambda: len(ran) == 20_000)
    assert sorted(ran) == list(range(20_000))
    crew.dismiss(nothing)


def test_it_says_how_many_jobs_wait_and_when_none_does_any_more() -> None:
    told: list[int] = []
    crew = Crew(1, lambda: told.append(crew.waiting))
    gate, begun = threading.Event(), threading.Event()
    crew.run(lambda: begun.set() or (gate.wait(10) and None))
    assert begun.wait(10)
    assert (crew.waiting, told) == (0, [0])
    for _ in range(3):
        crew.run(lambda: None)
    assert crew.waiting == 3
    gate.set()
    wait_until(lambda: told == [0, 0])

    async def hold() -> None:
        await asyncio.to_thread(gate.wait, 10)

    gate.clear()
    for _ in range(3):
        crew.spawn(hold(), contextvars.Context())
    wait_until(lambda: len(told) > 2 and not crew.waiting)
    gate.set()
    crew.dismiss(nothing)


def test_a_job_that_hangs_holds_up_nobody_else() -> None:
    crew, gate, ran = Crew(2), threading.Event(), threading.Event()
    crew.run(lambda: gate.wait(10) and None)
    crew.run(ran.set)
    assert ran.wait(10)
    gate.set()
    crew.dismiss(nothing)


def jobs_threads() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if thread.name.startswith("shiftboss-job-")}


def test_all_threads_leave_when_they_are_dismissed() -> None:
    before = jobs_threads()
    crew, together = Crew(3), threading.Barrier(3, timeout=10)
    for _ in range(3):
        crew.run(lambda: together.wait() and None)
    mine = wait_until(lambda: len(found := jobs_threads() - before) == 3 and found)
    crew.dismiss(nothing)
    wait_until(lambda: not any(thread.is_alive() for thread in mine))


async def child() -> None:
    sys.exit(3)


async def leaves() -> None:
    with contextlib.suppress(SystemExit):
        await asyncio.create_task(child())


async def stops_the_loop() -> None:
    asyncio.get_running_loop().stop()
    await asyncio.sleep(0.001)


@pytest.mark.parametrize("harm", [leaves, stops_the_loop])
def test_the_event_loop_outlives_a_task_that_would_end_it(
    harm: Callable[[], Coroutine[Any, Any, None]], caplog: pytest.LogCaptureFixture
) -> None:
    crew, went_on = Crew(2), threading.Event()

    async def work() -> None:
        await harm()
        went_on.set()

    before = set(threading.enumerate())
    crew.spawn(work(), contextvars.Context())
    (loop,) = (thread for thread in set(threading.enumerate()) - before if thread.name == "shiftboss-loop")
    assert went_on.wait(10)
    assert ("wanted to end the program" in caplog.text) is (harm is leaves)
    crew.dismiss(nothing)
    wait_until(lambda: not loop.is_alive(), what="the loop's end")


def test_coroutines_that_are_cancelled_may_end_in_peace() -> None:
    crew, begun, ended = Crew(2), threading.Event(), list[str]()

    async def work() -> None:
        try:
            begun.set()
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.05)
            ended.append("cleaned up")

    assert crew.interrupt(10)
    crew.spawn(work(), contextvars.Context())
    assert begun.wait(10)
    assert crew.interrupt(10)
    assert ended == ["cleaned up"]
    assert crew.interrupt(10)
    crew.dismiss(nothing)


def test_coroutines_that_do_not_end_are_not_waited_for_any_longer() -> None:
    crew, begun, stop = Crew(2), threading.Event(), threading.Event()

    async def work() -> None:
        begun.set()
        while not stop.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.005)

    crew.spawn(work(), contextvars.Context())
    assert begun.wait(10)
    assert not crew.interrupt(0.05)
    stop.set()
    assert crew.interrupt(10)
    crew.dismiss(nothing)


def test_a_coroutine_that_outlives_a_stop_keeps_its_loop_until_it_ends(caplog: pytest.LogCaptureFixture) -> None:
    crew, begun, stop = Crew(2), threading.Event(), threading.Event()
    told: list[str] = []

    async def work() -> None:
        begun.set()
        while not stop.is_set():
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.sleep(0.005)
        told.append("ended")

    async def farewell() -> None:
        told.append("farewell")

    crew.spawn(work(), contextvars.Context())
    assert begun.wait(10)
    assert not crew.interrupt(0.05)
    crew.dismiss(farewell)
    (loop,) = (thread for thread in threading.enumerate() if thread.name == "shiftboss-loop" and thread.is_alive())
    stop.set()
    loop.join(10)
    assert told == ["ended", "farewell"]
    gc.collect()
    assert "Task was destroyed" not in caplog.text


def test_work_for_which_no_thread_can_be_started_is_left_to_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    crew, gate, begun, ran = Crew(3), threading.Event(), threading.Event(), threading.Event()

    def refuse(self: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            crew.run(ran.set)
    crew.run(lambda: begun.set() or (gate.wait(10) and None))
    assert begun.wait(10)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        crew.run(ran.set)
    assert not ran.is_set()
    gate.set()
    assert ran.wait(10)
    crew.dismiss(nothing)
