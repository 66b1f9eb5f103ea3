"""When events fire: the traces of the specification, and what must not move a counter."""

from __future__ import annotations

import pytest

from shiftboss.batches import Batch
from shiftboss.jobs import Member, Outcome
from shiftboss.plan import run
from tests.integration.batches import heard
from tests.integration.batches.crew import Site

FAILED, DIED = Outcome.FAILED, Outcome.DIED


def batch_of(site: Site, n: int) -> Batch:
    batch = Batch()
    for event in ("complete", "success", "death", "finished"):
        batch.on(event, heard.note, {"event": event})
    with batch.jobs():
        for number in range(n):
            site.push(number)
    return batch


def events(site: Site) -> list[str]:
    """The events called back since last asked, in order."""
    site.call_back()
    called = [options["event"] for _, _, options in heard.CALLS]
    heard.CALLS.clear()
    return called


def test_t1_complete_fires_while_a_retry_waits_and_success_after_it_and_complete_not_again(site: Site) -> None:
    batch_of(site, 2)
    first, second = site.crew.members
    site.end(first)
    assert events(site) == []
    site.end(second, FAILED)
    assert events(site) == ["complete"]
    site.end(second)
    assert events(site) == ["success", "finished"]


def test_t2_all_succeed_complete_then_success(site: Site) -> None:
    batch = batch_of(site, 2)
    site.end_all()
    assert events(site) == ["complete", "success", "finished"]
    status = batch.status()
    assert (status.total, status.done, status.pending, status.failing, status.dead) == (2, 2, 0, 0, 0)
    assert status.created_at <= status.complete_at <= status.success_at  # type: ignore[operator]


def test_t3_death_then_the_dead_job_is_run_again_and_succeeds(site: Site) -> None:
    batch = batch_of(site, 1)
    (job,) = site.crew.members
    site.end(job, FAILED)
    assert events(site) == ["complete"]
    site.end(job, FAILED)
    assert events(site) == []
    site.end(job, DIED)
    assert sorted(events(site)) == ["death", "finished"]
    status = batch.status()
    assert (status.dead, status.state) == (1, "dead")
    assert (status.expires_at - status.created_at).days >= 179
    site.end(job)
    assert events(site) == ["success"]
    assert batch.status().dead == 0


def test_death_fires_once_with_five_dying_jobs(site: Site) -> None:
    batch_of(site, 5)
    site.end_all(DIED)
    assert sorted(events(site)) == ["complete", "death", "finished"]


def test_the_same_outcome_twice_counts_once(site: Site) -> None:
    batch = batch_of(site, 2)
    first, second = site.crew.members
    for _ in range(3):
        site.end(first, keep=True)
    assert batch.status().pending == 1
    assert events(site) == []
    site.end(second)
    assert events(site) == ["complete", "success", "finished"]
    site.end(second)
    assert events(site) == []


def test_b3_a_failure_reported_after_success_is_ignored(site: Site) -> None:
    batch = batch_of(site, 1)
    (job,) = site.crew.members
    site.end(job)
    site.end(job, FAILED)
    site.end(job, DIED)
    assert events(site) == ["complete", "success", "finished"]
    assert batch.status().state == "succeeded"


def test_a_position_beyond_the_last_member_writes_nothing(site: Site) -> None:
    batch = batch_of(site, 3)
    job = site.crew.members[0]
    for position in (3, 2**32 - 1, -1, 1.5):
        forged = Member(batch.bid, position)  # type: ignore[arg-type]
        assert site.end(type(job)(job.name, job.args, job.queue, job.id, batch=forged)) == []
    assert batch.status().done == 0


def test_a_bad_position_in_a_group_leaves_the_whole_group_unwritten(site: Site) -> None:
    from shiftboss.batches import calls

    batch = batch_of(site, 3)
    items = site.client.perform(
        run(calls.ack(batch.keys, batch.bid, "low", 1000, [0, "s", "", 7, "s", "", 1, "s", ""]))
    )
    assert items == []
    assert batch.status().done == 0


def test_b15_an_outcome_for_a_batch_that_is_gone_brings_no_key_back(site: Site) -> None:
    batch = batch_of(site, 1)
    (job,) = site.crew.members
    keys = batch.keys
    from shiftboss.store import command

    site.client.store.run(command("DEL", [keys.record, keys.ran, keys.done, keys.dead], [], int))
    assert site.end(job) == [f"batch|gone|{batch.bid}"]
    assert site.client.store.run(command("EXISTS", [keys.record, keys.ran], [], int)) == 0


@pytest.mark.parametrize("size", [1, 999, 1_000, 1_001])
def test_a_batch_of_any_size_succeeds_after_its_last_member(site: Site, size: int) -> None:
    batch = batch_of(site, size)
    *others, last = site.crew.members
    for job in others:
        site.end(job, keep=True)
    assert events(site) == []
    site.end(last)
    assert events(site) == ["complete", "success", "finished"]
    assert batch.status().total == size


def test_an_empty_first_block_fires_at_once_without_a_worker(site: Site) -> None:
    batch = batch_of(site, 0)
    assert events(site) == ["complete", "success", "finished"]
    assert batch.status().total == 0
    assert batch.status().progress == 1.0
