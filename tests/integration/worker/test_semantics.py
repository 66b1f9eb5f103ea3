"""What a job can ask for while it runs, and what can be said of one."""

from __future__ import annotations

import asyncio
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest

from shiftboss import (
    DeadSet,
    Discard,
    Job,
    OverLimit,
    Queue,
    RetrySet,
    ScheduledSet,
    Stats,
    client_middleware,
    current_job,
    job,
    on_death,
    on_heartbeat,
    on_quiet,
    on_shutdown,
    on_startup,
    requeue,
    server_middleware,
    shutting_down,
)
from shiftboss.batches import Batch, enqueue_after
from shiftboss.client import Shiftboss
from shiftboss.endings import Requeue
from shiftboss.engines.sidekiq.worker import Worker
from shiftboss.errors import JobError, JobTimeout
from shiftboss.jobs import Message
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("fake", "redis")
seen: list[Any] = []


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()


@job(name="semantics.polite", retry=3, max_requeues=2)
def polite(wanted: int, delay: float = 0.0) -> None:
    current = current_job()
    assert current is not None
    seen.append((current.jid, current.requeues, current.retry_count))
    if current.requeues < wanted:
        try:
            requeue(delay)
        except Exception:
            seen.append("caught")


@job(name="semantics.apolite")
async def apolite() -> None:
    current = current_job()
    assert current is not None
    seen.append(current.requeues)
    await asyncio.sleep(0)
    if not current.requeues:
        requeue(0.01)


class Gone(LookupError):
    pass


class Guarded(Job, name="semantics.Guarded", discard_on=Gone, retry=3):
    def perform(self) -> None:
        raise Gone("7")

    def exhausted(self, job: Any, error: BaseException) -> None:
        seen.append("exhausted")


class Unguarded(Guarded, name="semantics.Unguarded", discard_on=()):
    pass


@job(name="semantics.discards")
def discards() -> None:
    raise Discard("no such user")


@job(name="semantics.slow", timeout=0.05, retry=False)
def slow() -> None:
    try:
        while True:
            time.sleep(0.001)
    except JobTimeout as error:
        seen.append(error)
        raise


@job(name="semantics.aslow", timeout=0.05, retry=False)
async def aslow() -> None:
    await asyncio.sleep(60)


@job(name="semantics.quick", timeout=2)
def quick() -> None:
    seen.append("quick")


@job(name="semantics.brief", expires_in=0.05)
def brief() -> None:
    seen.append("brief")


@job(name="semantics.patient")
def patient() -> None:
    seen.append(shutting_down())
    wait_until(shutting_down, what="the end")
    seen.append(shutting_down())


@job(name="semantics.note")
def note(what: str = "") -> None:
    current = current_job()
    assert current is not None
    seen.append((what, current.message.options.get("tenant")))


@job(name="semantics.anote")
async def anote() -> None:
    seen.append("ran")


def test_a_job_that_requeues_itself_runs_again_under_its_id_with_no_retry_used(
    client: Shiftboss, start: Callable[..., Worker]
) -> None:
    jid = polite.perform_async(2)
    start()
    wait_until(lambda: len(seen) == 3, timeout=20, what="three runs")
    assert seen == [(jid, 0, 0), (jid, 1, 0), (jid, 2, 0)]
    wait_until(lambda: Stats.read().processed == 1, what="one run that counts")
    assert Stats.read().failed == 0


def test_it_waits_for_as_long_as_it_asked(client: Shiftboss, start: Callable[..., Worker]) -> None:
    jid = polite.perform_async(1, 60.0)
    start()
    (waiting,) = wait_until(lambda: list(ScheduledSet()), what="the job is put back")
    assert waiting.jid == jid
    assert 50 < waiting.at.timestamp() - time.time() <= 60
    assert not len(RetrySet())


def test_requeued_too_often_is_a_failure(client: Shiftboss, start: Callable[..., Worker]) -> None:
    polite.perform_async(9)
    start()
    (failed,) = wait_until(lambda: list(RetrySet()), timeout=20, what="the failure")
    assert failed.error_message == "it was requeued 2 times, and may not be once more: max_requeues=2"


def test_a_coroutine_requeues_itself(client: Shiftboss, start: Callable[..., Worker]) -> None:
    apolite.perform_async()
    start()
    wait_until(lambda: seen == [0, 1], timeout=20, what="both runs")


def test_a_member_that_requeues_itself_has_not_run_yet(client: Shiftboss, start: Callable[..., Worker]) -> None:
    batch = Batch()
    with batch.jobs():
        polite.perform_async(1, 0.3)
    start()
    wait_until(lambda: len(seen) == 1 and len(ScheduledSet()) == 1, what="the job is put back")
    status = batch.status()
    assert (status.pending, status.failed, status.complete_at) == (1, 0, None)
    batch.join(timeout=20)


def test_requeue_is_for_running_jobs() -> None:
    with pytest.raises(JobError, match="none runs here; push the job with perform_in"):
        requeue(1)
    for wrong in (-1, float("nan"), float("inf"), "1", True):
        with pytest.raises(JobError, match="expected requeue to be given seconds"):
            requeue(wrong)  # type: ignore[arg-type]


def test_inline_it_comes_out(client: Shiftboss) -> None:
    with pytest.raises(Requeue):
        polite.perform_inline(1)


@pytest.mark.parametrize("which", [Guarded, discards])
def test_what_is_discarded_is_counted_and_kept_nowhere(
    client: Shiftboss, start: Callable[..., Worker], which: Any
) -> None:
    batch = Batch()
    with batch.jobs():
        which.perform_async()
    start()
    wait_until(lambda: batch.status().dead == 1, what="the death")
    wait_until(lambda: Stats.read().processed == 1, what="the count")
    assert not len(RetrySet())
    assert not len(DeadSet())
    assert seen == []


def test_a_subclass_turns_discarding_off(client: Shiftboss, start: Callable[..., Worker]) -> None:
    Unguarded.perform_async()
    start()
    wait_until(lambda: len(RetrySet()) == 1, what="the retry")


def test_who_wants_to_hear_of_deaths_does(client: Shiftboss, start: Callable[..., Worker]) -> None:
    @on_death
    def tell(job: Any, error: BaseException) -> None:
        seen.append((job.jid, type(error)))

    @on_death
    def fails(job: Any, error: BaseException) -> None:
        raise ValueError("in a hook")

    try:
        jid = discards.perform_async()
        start()
        wait_until(lambda: seen == [(jid, Discard)], what="the death")
        wait_until(lambda: Stats.read().processed == 1, what="the count")
    finally:
        on_death.remove(tell)
        on_death.remove(fails)


class Evil(Exception):
    def __repr__(self) -> str:
        raise SystemExit("no repr")


class Hopeless(Job, name="semantics.Hopeless", retry=0, discard_on=Evil):
    def perform(self, how: str) -> None:
        raise Evil if how == "repr" else KeyError(how)

    def exhausted(self, job: Any, error: BaseException) -> None:
        sys.exit("exhausted")


@job(name="semantics.over")
def over() -> None:
    raise OverLimit("full", "x")


def test_whatever_goes_wrong_after_a_failure_the_job_ends_and_its_slot_is_free(
    client: Shiftboss, start: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    @on_death
    def leaves(job: Any, error: BaseException) -> None:
        sys.exit("on_death")

    def raised(message: Message, error: BaseException) -> None:
        if isinstance(error, OverLimit):
            raise KeyError("a fault of a feature")

    monkeypatch.setattr(client.extensions["limiter"], "raised", raised)
    try:
        worker = start(concurrency=1)
        Hopeless.perform_async("repr")
        Hopeless.perform_async("hooks")
        over.set(retry=False).perform_async()
        note.perform_async("free")
        wait_until(lambda: seen == [("free", None)], what="the slot to be free")
        wait_until(lambda: Stats.read().failed == 3, what="three failures")
        wait_until(lambda: not worker._hold.held, what="nothing in hand")
        assert [entry.error_class for entry in DeadSet()] == ["KeyError"]
    finally:
        on_death.remove(leaves)


def test_one_job_that_cannot_be_begun_holds_up_no_other_of_its_fetch(
    client: Shiftboss, start: Callable[..., Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    from shiftboss.engines.sidekiq.worker import runner

    def has_expired(payload: Any) -> bool:
        if payload.message.args == ("bad",):
            raise OverflowError("an instant that cannot be")
        return False

    monkeypatch.setattr(runner, "has_expired", has_expired)
    note.perform_bulk([("a",), ("bad",), ("b",)])
    worker = start()
    wait_until(lambda: len(seen) == 2, what="the others")
    (failed,) = wait_until(lambda: list(RetrySet()), what="the failure")
    assert (failed.error_class, failed.args) == ("OverflowError", ("bad",))
    wait_until(lambda: not worker._hold.held, what="nothing in hand")


def test_a_function_that_takes_too_long_is_told_so(client: Shiftboss, start: Callable[..., Worker]) -> None:
    batch = Batch()
    with batch.jobs():
        slow.perform_async()
        aslow.perform_async()
    start(concurrency=2)
    wait_until(lambda: batch.status().dead == 2, what="both deaths")
    assert str(seen[0]) == "the job took longer than its timeout allows"
    assert isinstance(seen[0], TimeoutError)


def test_a_job_that_ends_in_time_is_left_alone(client: Shiftboss, start: Callable[..., Worker]) -> None:
    quick.perform_bulk([()] * 50)
    start(concurrency=1)
    wait_until(lambda: Stats.read().processed == 50, what="all")
    assert Stats.read().failed == 0
    wait_until(lambda: "shiftboss-timeouts" not in {thread.name for thread in threading.enumerate()}, what="rest")


def test_a_job_that_comes_too_late_is_left_out_and_has_succeeded(
    client: Shiftboss, start: Callable[..., Worker]
) -> None:
    batch = Batch()
    with batch.jobs():
        brief.perform_async()
    deadline = time.time() + 0.06
    wait_until(lambda: time.time() > deadline, what="the expiry")
    start()
    batch.join(timeout=20)
    assert seen == []
    brief.set(expires_in=60).perform_async()
    wait_until(lambda: seen == ["brief"], what="one in time")


@job(name="semantics.step", expires_in=60)
def step() -> None:
    current = current_job()
    assert current is not None
    seen.append(current.requeues)
    if not current.requeues:
        requeue(60)


def test_what_has_begun_does_not_expire(client: Shiftboss, start: Callable[..., Worker]) -> None:
    step.perform_async()
    start()
    (waiting,) = wait_until(lambda: list(ScheduledSet()), what="the job is put back")
    assert "expiry" not in waiting.options
    waiting.reschedule(0)
    wait_until(lambda: seen == [0, 1], what="the second run")


def test_what_is_pushed_for_others_expires_too(client: Shiftboss, start: Callable[..., Worker]) -> None:
    enqueue_after([note.call("first")], brief.set(queue="unserved", expires_in=60).call())
    start()
    (waiting,) = wait_until(lambda: list(Queue("unserved")), what="the job to be pushed")
    assert 0 < waiting.options["expiry"] - time.time() <= 60
    assert "expires_in" not in waiting.options


def test_a_job_for_later_expires_after_it_was_due(client: Shiftboss) -> None:
    brief.set(expires_in=60).perform_in(3600)
    brief.set(expires_in=60).perform_bulk([()])
    assert 3600 < next(iter(ScheduledSet())).options["expiry"] - time.time() <= 3660
    assert 0 < next(iter(Queue())).options["expiry"] - time.time() <= 60


def test_a_job_knows_that_its_worker_is_about_to_stop(client: Shiftboss, start: Callable[..., Worker]) -> None:
    assert not shutting_down()
    worker = start()
    patient.perform_async()
    wait_until(lambda: seen == [False], what="the start")
    worker.quiet()
    wait_until(lambda: seen == [False, True], what="the end")


def test_a_process_tells_of_its_life(client: Shiftboss) -> None:
    hooks = (on_startup, on_heartbeat, on_quiet, on_shutdown)
    said = [lambda name=hook: seen.append(name) for hook in hooks]  # type: ignore[misc]
    for hook, say in zip(hooks, said, strict=True):
        hook(say)
    undone = on_shutdown(lambda: seen.append("last in, first out"))
    try:
        with Worker(client, concurrency=1):
            wait_until(lambda: on_heartbeat in seen, what="a sign of life")
        once = list(dict.fromkeys(seen))
        assert once == [on_startup, on_heartbeat, on_quiet, "last in, first out", on_shutdown]
        assert [seen.count(hook) for hook in (on_startup, on_quiet, on_shutdown)] == [1, 1, 1]
    finally:
        on_shutdown.remove(undone)
        for hook, say in zip(hooks, said, strict=True):
            hook.remove(say)


def test_when_a_process_says_that_it_is_quiet_nothing_more_is_taken(
    client: Shiftboss, start: Callable[..., Worker]
) -> None:
    said = threading.Event()

    @on_quiet
    def push() -> None:
        note.perform_bulk([("late",)] * 3)
        with suppress(AssertionError):
            wait_until(lambda: len(Queue()) < 3, timeout=0.2)
        seen.append((threading.current_thread().name == "shiftboss-heartbeat", len(Queue())))
        said.set()

    try:
        worker = start()
        worker.quiet()
        assert said.wait(20)
        worker.quiet()
        worker.stop()
        assert seen == [(False, 3)]
    finally:
        on_quiet.remove(push)


@pytest.fixture
def middleware() -> Iterator[None]:
    """Whatever a test registers is taken out again."""
    before = client_middleware.links, server_middleware.links
    yield
    client_middleware.links, server_middleware.links = before


@pytest.mark.usefixtures("middleware")
def test_middleware_is_around_pushes_and_runs_in_the_order_in_which_it_was_registered(
    client: Shiftboss, start: Callable[..., Worker]
) -> None:
    @client_middleware
    def tag(message: Message, push: Callable[[Message], None]) -> None:
        seen.append("tag")
        push(replace(message, options={**message.options, "tenant": 7}))

    @client_middleware
    def look(message: Message, push: Callable[[Message], None]) -> None:
        seen.append(("look", message.options["tenant"]))
        push(message)

    @server_middleware
    def outer(message: Message, run: Callable[[], Any]) -> Any:
        seen.append("outer")
        try:
            return run()
        finally:
            seen.append("end")

    @server_middleware
    def inner(message: Message, run: Callable[[], Any]) -> Any:
        seen.append(("inner", message.options["tenant"]))
        return run()

    note.perform_async("hello")
    assert seen == ["tag", ("look", 7)]
    seen.clear()
    start()
    wait_until(lambda: len(seen) == 4, what="the run")
    assert seen == ["outer", ("inner", 7), ("hello", 7), "end"]
    seen.clear()
    note.perform_inline("inline")
    assert seen == ["tag", ("look", 7), "outer", ("inner", 7), ("inline", 7), "end"]


@pytest.mark.usefixtures("middleware")
def test_coroutine_functions_are_around_coroutine_functions(client: Shiftboss, start: Callable[..., Worker]) -> None:
    @server_middleware
    async def around(message: Message, run: Callable[[], Any]) -> None:
        await asyncio.sleep(0)
        seen.append(f"around {message.name}")
        await run()

    anote.perform_async()
    note.perform_async("alone")
    start(concurrency=1)
    wait_until(lambda: len(seen) == 3, what="both")
    assert seen == ["around semantics.anote", "ran", ("alone", None)] or seen[0] == ("alone", None)


@pytest.mark.usefixtures("middleware")
def test_what_a_middleware_keeps_back_is_not_pushed_and_is_no_member(client: Shiftboss) -> None:
    @client_middleware
    def only_even(message: Message, push: Callable[[Message], None]) -> None:
        if message.args[0] % 2 == 0:
            push(message)

    batch = Batch()
    with batch.jobs():
        ids = polite.perform_bulk([(n,) for n in range(5)])
        assert polite.perform_async(7) == ""
    assert [bool(jid) for jid in ids] == [True, False, True, False, True]
    assert batch.status().total == 3
    with pytest.raises(JobError, match="a client middleware keeps this job back"):
        polite.perform_inline(1)


@pytest.mark.usefixtures("middleware")
def test_what_a_middleware_raises_is_raised_where_the_job_is_pushed_or_fails_its_run(
    client: Shiftboss, start: Callable[..., Worker]
) -> None:
    @server_middleware
    def refuse(message: Message, run: Callable[[], Any]) -> None:
        raise PermissionError("not today")

    note.perform_async()
    start()
    (failed,) = wait_until(lambda: list(RetrySet()), what="the failure")
    assert failed.error_class == "PermissionError"

    @client_middleware
    def refuse_push(message: Message, push: Callable[[Message], None]) -> None:
        raise PermissionError("never")

    with pytest.raises(PermissionError, match="never"):
        note.perform_async()
