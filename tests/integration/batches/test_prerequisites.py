"""Prerequisites: a job is pushed once, when all that it waits for has succeeded."""

from __future__ import annotations

import secrets
import time
from typing import Any

import pytest

from shiftboss import outbox
from shiftboss.batches import Batch, BatchError, BatchNotFound, aenqueue_after, calls, doctor, enqueue_after
from shiftboss.batches.tracking import track, tracked_bid
from shiftboss.errors import ConfigError
from shiftboss.jobs import TRACK, Member, Message, Outcome
from shiftboss.store import command
from tests.backends import Backend
from tests.integration.batches.crew import Site


class Named:
    """A job as `enqueue_after` sees one: it makes messages."""

    def __init__(self, name: str, **options: Any) -> None:
        self.name = name
        self.options = options

    def call(self, *args: Any) -> Message:
        return Message(self.name, args, "low", secrets.token_hex(12), options=self.options)


first, second, report = Named("first"), Named("second"), Named("report", retry=3)
DAY_MS = 86_400_000


def pushed(site: Site, name: str = "report") -> list[Message]:
    return [message for message in site.crew.queue if message.name == name]


def end(site: Site, name: str, outcome: Outcome = Outcome.SUCCEEDED, *, keep: bool = False) -> None:
    for message in pushed(site, name):
        site.end(message, outcome, keep=keep)


def batch_of(site: Site, *names: str) -> Batch:
    batch = Batch()
    with batch.jobs():
        for name in names:
            site.client.perform(site.client.push([Named(name).call()]))
    return batch


def test_the_job_is_pushed_once_all_named_calls_have_succeeded(site: Site) -> None:
    waiting = enqueue_after([first.call(1), second.call(2)], report, "October")
    assert [message.args for message in site.crew.members] == [(1,), (2,)]
    end(site, "first")
    assert pushed(site) == []
    end(site, "second")
    (message,) = pushed(site)
    assert (message.args, message.queue, message.options) == (("October",), "low", {"retry": 3})
    site.call_back()
    assert waiting.status().state == "succeeded"


def test_it_waits_for_batches_in_other_shards(site: Site) -> None:
    others = [batch_of(site, f"other{number}") for number in range(4)]
    waiting = enqueue_after([*others, first.call(1)], report, 1)
    assert (waiting.status().total, waiting.status().children) == (1, 4)
    assert waiting.status().awaits == tuple(other.bid for other in others)
    end(site, "first")
    for number in range(4):
        assert pushed(site) == []
        end(site, f"other{number}")
    assert [message.args for message in pushed(site)] == [(1,)]


def test_a_batch_that_has_succeeded_already_says_so(site: Site) -> None:
    other = batch_of(site, "other")
    end(site, "other")
    waiting = enqueue_after([other], report, 1)
    assert len(pushed(site)) == 1
    assert waiting.status().success_at is not None


def test_a_batch_counts_when_its_success_callbacks_have_run(site: Site) -> None:
    other = Batch().on("success", second.call())
    with other.jobs():
        site.push(1)
    enqueue_after([other], report, 1)
    site.end_all()
    assert (len(pushed(site, "second")), pushed(site)) == (1, [])
    site.call_back()
    assert [message.name for message in site.crew.ran] == ["second", "report"]


def test_without_prerequisites_it_is_pushed_at_once(site: Site) -> None:
    enqueue_after([], report, 1)
    assert [message.args for message in pushed(site)] == [(1,)]


def test_what_it_waits_for_can_be_waited_for_in_turn(site: Site) -> None:
    waiting = enqueue_after([first.call()], second)
    enqueue_after([waiting], report, 1)
    end(site, "first")
    assert pushed(site) == []
    site.call_back()
    assert [message.name for message in site.crew.ran] == ["second", "report"]


def test_many_jobs_may_wait_for_one_batch(site: Site) -> None:
    other = batch_of(site, "other")
    for number in range(20):
        enqueue_after([other], report, number)
    end(site, "other")
    assert sorted(message.args for message in pushed(site)) == [(number,) for number in range(20)]


def test_in_a_block_it_is_a_child_of_that_batch(site: Site) -> None:
    parent = Batch()
    with parent.jobs():
        inner = Batch()
        with inner.jobs():
            site.client.perform(site.client.push([second.call()]))
        waiting = enqueue_after([first.call(), inner], report, 1)
    assert waiting.status().parent_bid == parent.bid
    end(site, "first")
    end(site, "second")
    assert parent.status().success_at is None
    site.call_back()
    assert parent.status().success_at is not None


def test_an_exception_in_the_block_around_pushes_nothing(site: Site, backend: Backend) -> None:
    with pytest.raises(ZeroDivisionError), Batch().jobs():
        enqueue_after([first.call()], report, 1)
        raise ZeroDivisionError
    assert site.crew.queue == []
    assert list(backend.raw.scan_iter()) == []


def test_the_job_dies_at_once_when_a_prerequisite_dies_and_runs_if_that_succeeds_after_all(site: Site) -> None:
    waiting = enqueue_after([first.call(), second.call()], report, 1)
    (member,) = pushed(site, "first")
    site.end(member, Outcome.DIED)
    # This engine kills no jobs: there the batch says it.
    assert pushed(site) == []
    assert waiting.status().death_at is not None
    assert site.client.store.run(command("ZCARD", [waiting.keys.out], [], int)) == 0
    end(site, "second")
    assert waiting.status().finished_at is not None
    assert pushed(site) == []
    site.end(member)
    assert len(pushed(site)) == 1


def test_a_batch_that_dies_is_a_prerequisite_that_died(site: Site) -> None:
    other = batch_of(site, "other", "another")
    waiting = enqueue_after([other, first.call()], report, 1)
    end(site, "other", Outcome.DIED)
    assert waiting.status().death_at is not None
    end(site, "another")
    end(site, "first")
    assert waiting.status().finished_at is not None
    assert pushed(site) == []


def test_on_death_run_runs_it_when_all_have_ended(site: Site) -> None:
    waiting = enqueue_after([first.call(), second.call()], report, 1, on_death="run")
    end(site, "first", Outcome.DIED)
    assert pushed(site) == []
    end(site, "second")
    assert len(pushed(site)) == 1
    assert waiting.status().death_at is not None


def test_it_is_pushed_once_although_every_call_is_sent_twice(site: Site) -> None:
    other = batch_of(site, "other")
    waiting = enqueue_after([other], report, 1)
    store = site.client.store
    for _ in range(2):
        store.run(calls.expect(waiting.keys, 0, other.bid))
        store.run(calls.inform(other.keys, other.bid, f"{waiting.bid}:0", outbox.GRACE))
    assert waiting.status().children == 1
    (message,) = pushed(site, "other")
    for _ in range(3):
        site.end(message, keep=True)
    assert len(pushed(site)) == 1


def test_what_a_crash_left_undone_is_done_by_the_reaper(site: Site) -> None:
    other = batch_of(site, "other")
    enqueue_after([other], report, 1)
    (message,) = pushed(site, "other")
    place = message.batch
    assert isinstance(place, Member)
    # The process that records the outcome dies before it tells anybody.
    site.client.store.run(calls.ack(other.keys, other.bid, "low", 0, [place.position, "s", ""]))
    assert pushed(site) == []
    site.client.perform(outbox.reap(site.client, "reaper"))
    assert len(pushed(site)) == 1


def test_a_batch_that_is_deleted_or_invalidated_says_what_it_came_to(site: Site) -> None:
    deleted, invalidated = batch_of(site, "one"), batch_of(site, "two")
    waiting = enqueue_after([deleted], report, 1)
    enqueue_after([invalidated], report, 2)
    deleted.delete()
    assert waiting.status().death_at is not None
    invalidated.invalidate()
    invalidated.delete()
    assert [message.args for message in pushed(site)] == [(2,)]


def test_activity_of_what_is_waited_for_keeps_the_waiting_alive(site: Site) -> None:
    other = batch_of(site, "other", "another")
    waiting = enqueue_after([other], report, 1)
    for keys in (waiting.keys, other.keys):
        site.client.store.run(command("PEXPIRE", [keys.record], [60_000], int))
        site.age(keys, DAY_MS)
    end(site, "other")
    assert site.client.store.run(command("PTTL", [waiting.keys.record], [], int)) > 29 * DAY_MS


def test_the_doctor_knows_that_a_place_stands_for_another_batch(site: Site) -> None:
    other = batch_of(site, "other")
    waiting = enqueue_after([other], report, 1)
    positions = site.client.perform(doctor._unsettled(site.client, waiting.bid))
    assert positions == set()


def test_a_tracked_job_is_waited_for_by_its_id(site: Site) -> None:
    job = Named("tracked", track=True)
    early, late = job.call(), job.call()
    site.client.perform(site.client.push([early, late]))
    site.client.perform(site.client.extensions["batch"].tracked(early, Outcome.SUCCEEDED))
    waiting = enqueue_after([early.id, late.id], report, 1)
    assert waiting.status().awaits == (early.id, late.id)
    assert pushed(site) == []
    site.client.perform(site.client.extensions["batch"].tracked(late, Outcome.SUCCEEDED))
    assert len(pushed(site)) == 1


def test_a_tracked_job_that_dies_is_a_prerequisite_that_died(site: Site) -> None:
    job = Named("tracked", track=True).call()
    site.client.perform(site.client.push([job]))
    waiting = enqueue_after([job.id], report, 1)
    site.client.perform(site.client.extensions["batch"].tracked(job, Outcome.FAILED))
    assert waiting.status().death_at is None
    site.client.perform(site.client.extensions["batch"].tracked(job, Outcome.DIED))
    assert waiting.status().death_at is not None


def test_a_tracked_job_in_a_block_is_remembered_when_the_block_is_pushed(site: Site, backend: Backend) -> None:
    job = Named("tracked", track=True).call()
    with Batch().jobs():
        site.client.perform(site.client.push([job]))
        assert list(backend.raw.scan_iter()) == []
    enqueue_after([job.id], report, 1)


def test_what_is_remembered_of_a_tracked_job_is_small_on_no_list_and_ends(site: Site, backend: Backend) -> None:
    job = Named("tracked", track=True).call()
    assert TRACK in job.options
    site.client.perform(track(site.client, [job]))
    keys = site.client.batch_keys(tracked_bid(job.id))
    assert 29 * DAY_MS < backend.raw.pttl(keys.record) <= 30 * DAY_MS
    assert not backend.raw.exists(keys.index)
    site.client.perform(site.client.extensions["batch"].tracked(job, Outcome.SUCCEEDED))
    assert 0 < backend.raw.pttl(keys.record) <= DAY_MS


def test_a_job_that_is_not_tracked_is_refused_with_the_hint(site: Site) -> None:
    jid = site.push(1)
    with pytest.raises(BatchError, match=rf"nothing is known of job {jid}: .* define it with @job\(track=True\)"):
        enqueue_after([first.call(), jid], report, 1)
    assert pushed(site, "first") == []


def test_a_batch_that_is_not_there_is_refused_before_anything_is_pushed(site: Site) -> None:
    gone = batch_of(site)
    gone.delete()
    with pytest.raises(BatchNotFound, match=f"no batch {gone.bid} to wait for"):
        enqueue_after([first.call(), gone], report, 1)
    with pytest.raises(BatchError, match="its first jobs block has not ended"):
        enqueue_after([Batch()], report, 1)
    assert site.crew.queue == []


def test_a_job_cannot_wait_for_the_batch_it_belongs_to(site: Site) -> None:
    outer = Batch()
    with outer.jobs(), Batch().jobs(), pytest.raises(BatchError, match="it would wait for itself"):
        enqueue_after([outer], report, 1)


def test_a_function_that_pushes_is_a_prerequisite(site: Site) -> None:
    waiting = enqueue_after([lambda: site.push(1), lambda: site.push(2)], report, 1)
    assert waiting.status().total == 2
    site.end_all()
    assert len(pushed(site)) == 1


def test_a_function_that_pushes_nothing_is_refused(site: Site) -> None:
    with pytest.raises(ConfigError, match=r"but <built-in function time> pushed nothing"):
        enqueue_after([first.call(), time.time], report, 1)
    assert site.crew.queue == []


def test_a_job_of_an_engine_without_calls_waits_by_its_name(site: Site) -> None:
    class Task:
        job_name = "app.task"

    enqueue_after([first.call()], Task(), 1, 2)
    end(site, "first")
    (message,) = pushed(site, "app.task")
    assert (message.args, message.queue) == ((1, 2), "low")
    with pytest.raises(ConfigError, match=r"app.task: pass the arguments of a task .* by position, got \['n'\]"):
        enqueue_after([], Task(), n=1)
    with pytest.raises(
        ConfigError, match="expected a job, a task or an actor that waits, got <built-in function print>"
    ):
        enqueue_after([], print)
    with pytest.raises(ConfigError, match="expected prerequisites"):
        enqueue_after([Task()], report, 1)


@pytest.mark.parametrize("wrong", [1, None, ["a"], object()])
def test_nothing_else_can_be_a_prerequisite(site: Site, wrong: object) -> None:
    with pytest.raises(ConfigError, match=r"expected prerequisites to be job\.call"):
        enqueue_after([wrong], report, 1)


@pytest.mark.backends("fake")
@pytest.mark.parametrize("wrong", ["3dd98e098174563a3adb6a05", None, 5, first.call()])
def test_prerequisites_are_a_list(site: Site, wrong: Any) -> None:
    with pytest.raises(ConfigError, match="expected prerequisites to be a list, got"):
        enqueue_after(wrong, report, 1)


def test_a_batchs_id_among_the_jobs_is_told_apart(site: Site) -> None:
    other = batch_of(site, "other")
    with pytest.raises(BatchError, match=rf"if that is a batch's id, pass Batch\.open\('{other.bid}'\)"):
        enqueue_after([other.bid], report, 1)


def test_a_job_with_its_arguments_takes_no_others(site: Site) -> None:
    with pytest.raises(ConfigError, match=r"has its arguments; pass none beside it, got \(2,\)"):
        enqueue_after([first.call()], report.call(1), 2)


def test_what_happens_on_death_is_die_or_run(site: Site) -> None:
    with pytest.raises(ConfigError, match="expected on_death to be 'die' or 'run', got 'wait'"):
        enqueue_after([first.call()], report, 1, on_death="wait")


@pytest.mark.asyncio
async def test_coroutines_enqueue_after(site: Site) -> None:
    other = batch_of(site, "other")
    waiting = await aenqueue_after([other, first.call()], report, 1)
    end(site, "other")
    end(site, "first")
    assert len(pushed(site)) == 1
    assert (await waiting.astatus()).success_at is not None
    await site.client.aclose()
