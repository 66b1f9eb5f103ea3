"""The seeds' ways with single jobs, in Python."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest

from shiftboss import DeadSet, JobError, Queue, RetrySet, ScheduledSet, testing
from shiftboss.batches import enqueue_after
from tests.seeds import commands
from tests.seeds.commands import (
    ANSWERS,
    DONE,
    ConfirmOrders,
    NotifyUser,
    NotifyUserStrictly,
    SyncData,
    load_in_background,
    send_gif,
)


@pytest.fixture(autouse=True)
def fresh() -> None:
    for record in (ANSWERS, DONE, NotifyUser.users, ConfirmOrders.unconfirmed):
        record.clear()


@pytest.fixture(autouse=True)
def sandbox() -> object:
    with testing.fake() as sandbox:
        yield sandbox


def test_perform_async_gives_an_id_of_24_hex_digits_and_runs_later() -> None:
    jid = send_gif.perform_async("a@example.com", "hello")
    assert len(jid) == 24
    assert int(jid, 16) >= 0
    assert DONE == []
    send_gif.drain()
    assert DONE == [("a@example.com", "hello")]


def test_perform_in_and_perform_at_wait_for_their_time() -> None:
    send_gif.perform_in(300, "a", "in five minutes")
    send_gif.perform_at(datetime.now(UTC) + timedelta(days=1), "a", "tomorrow")
    waiting = [job.at - time.time() for job in send_gif.jobs if job.at is not None]
    assert waiting == [pytest.approx(300, abs=5), pytest.approx(86_400, abs=5)]


def test_a_plain_call_and_perform_inline_run_here_and_now_without_a_queue() -> None:
    assert send_gif("a", "plain") == "sent plain to a"
    assert send_gif.perform_inline("a", "inline") == "sent inline to a"
    assert not send_gif.jobs


def test_options_of_queue_and_retry_are_said_at_the_job() -> None:
    load_in_background.perform_async(526)
    (waiting,) = load_in_background.jobs
    assert (waiting.queue, waiting.options["retry"]) == ("low", False)
    SyncData.perform_async(1)
    assert SyncData.jobs[0].queue == "dribble"


def test_a_parameter_with_a_default_may_be_left_out_or_given_by_name() -> None:
    commands.weekly_report.perform_async("kyle@example.com")
    commands.weekly_report.perform_async("kyle@example.com", start="friday")
    commands.weekly_report.drain()
    assert DONE == [("kyle@example.com", "monday"), ("kyle@example.com", "friday")]


def test_many_are_pushed_a_thousand_at_a_time() -> None:
    ids = load_in_background.perform_bulk((n,) for n in range(2_500))
    assert len(set(ids)) == 2_500
    assert len(Queue("low")) == 2_500


def test_a_job_without_arguments_enqueues_what_it_then_processes() -> None:
    ConfirmOrders.unconfirmed.extend([7, 8])
    ConfirmOrders.perform_async()
    ConfirmOrders.perform_one()
    assert [job.args for job in ConfirmOrders.jobs] == [(7,), (8,)]
    assert ConfirmOrders.drain() == 6
    assert sorted(DONE) == [(7, "mark_notified"), (7, "notify"), (8, "mark_notified"), (8, "notify")]


def test_a_wrong_number_of_arguments_is_refused_where_it_is_pushed() -> None:
    with pytest.raises(JobError, match=r"missing a required argument: 'thought'; expected .*send_gif"):
        send_gif.perform_async("a@example.com")  # type: ignore[call-arg]
    assert not send_gif.jobs


def test_a_job_requeues_itself_after_a_429_for_as_long_as_the_answer_says() -> None:
    ANSWERS.extend([{"status": 429, "Retry-After": "30"}, {"status": 200}])
    jid = SyncData.perform_async(7)
    SyncData.perform_one()
    (waiting,) = SyncData.jobs
    assert waiting.id == jid
    assert waiting.at == pytest.approx(time.time() + 30, abs=5)
    SyncData.drain()
    assert DONE == [7]


def test_a_job_requeues_itself_after_an_error_of_the_client() -> None:
    ANSWERS.extend([commands.TooManyRequests(), {"status": 200}])
    SyncData.perform_async(8)
    assert SyncData.drain() == 2
    assert DONE == [8]


def test_a_job_runs_after_another() -> None:
    first = send_gif.call("a", "first")
    enqueue_after([first], load_in_background.call(2))
    testing.drain_all()
    assert DONE == [("a", "first"), 2]


def test_a_job_whose_record_is_gone_is_discarded_unless_its_guard_is_off() -> None:
    NotifyUser.perform_async(404)
    with pytest.raises(commands.RecordNotFound):
        NotifyUser.drain()
    assert not NotifyUser.jobs
    NotifyUserStrictly.perform_async(404)
    with pytest.raises(commands.RecordNotFound):
        NotifyUserStrictly.drain()
    assert len(NotifyUserStrictly.jobs) == 1


def test_a_deadlock_is_repeated_although_the_job_is_not() -> None:
    commands.Deadlocks.perform_async()
    for _ in range(6):
        with pytest.raises(commands.Deadlocked):
            commands.Deadlocks.drain()
    assert not commands.Deadlocks.jobs
    assert len(DeadSet()) == 1


def test_draining_shows_a_mistake_with_its_own_traceback() -> None:
    commands.misnamed.perform_async("kyle@example.com")
    with pytest.raises(NameError, match="'emails' is not defined"):
        commands.misnamed.drain()


def test_one_kind_of_job_is_drained_or_cleared_and_all_are() -> None:
    send_gif.perform_async("a", "one")
    load_in_background.perform_async(1)
    send_gif.drain()
    assert DONE == [("a", "one")]
    assert len(load_in_background.jobs) == 1
    testing.clear_all()
    assert not load_in_background.jobs


def test_everything_is_cleared_by_hand() -> None:
    send_gif.perform_async("a", "one")
    load_in_background.perform_async(1)
    send_gif.perform_in(60, "a", "later")
    for queue in Queue.all():
        queue.clear()
    for jobs in (RetrySet(), ScheduledSet(), DeadSet()):
        jobs.clear()
    assert not list(Queue.all())
    assert not len(ScheduledSet())
