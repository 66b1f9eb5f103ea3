"""Taking a batch back: `invalidate`, `valid` and `delete`."""

from __future__ import annotations

import pytest

from shiftboss import BatchNotFound, Shiftboss
from shiftboss.batches import Batch, BatchSet
from shiftboss.jobs import Message, Outcome
from tests.integration.batches import heard
from tests.integration.batches.crew import Site


def of(site: Site, n: int, **options: object) -> Batch:
    batch = Batch(**options)  # type: ignore[arg-type]
    batch.on("complete", heard.note, {"event": "complete"}).on("success", heard.note, {"event": "success"})
    with batch.jobs():
        for number in range(n):
            site.push(number)
    return batch


def unwanted(site: Site, sign: str | None = None) -> frozenset[str]:
    """What of the queue a worker leaves out."""
    return site.client.perform(site.client.extensions["batch"].unwanted(site.crew.members, sign))


def work_off(site: Site) -> list[Message]:
    """Do what a worker does with the queue; those that were left out."""
    left_out = [message for message in site.crew.members if message.id in unwanted(site)]
    site.end_all()
    site.call_back()
    return left_out


def test_t10_invalidated_after_three_of_ten_ran_the_rest_is_left_out_and_complete_and_success_fire(site: Site) -> None:
    batch = of(site, 10)
    for message in site.crew.members[:3]:
        site.end(message)
    assert batch.valid()
    assert batch.invalidate()
    assert not batch.valid()
    assert len(work_off(site)) == 7
    status = batch.status()
    assert (status.done, status.invalidated, status.state) == (10, True, "succeeded")
    assert [options["event"] for _, _, options in heard.CALLS] == ["complete", "success"]


def test_nothing_is_left_out_where_nothing_was_invalidated(site: Site) -> None:
    of(site, 2)
    assert unwanted(site) == frozenset()
    assert unwanted(site, "") == frozenset()


def test_b16_a_job_that_runs_is_told_and_its_outcome_counts(site: Site) -> None:
    batch = of(site, 2)
    first, second = site.crew.members
    batch.invalidate()
    site.end(first, Outcome.FAILED)
    assert batch.status().failing == 1
    site.end(second)
    site.end(first, Outcome.SUCCEEDED, keep=True)
    assert batch.status().state == "succeeded"


def test_a_child_asks_its_ancestors(site: Site) -> None:
    grandparent = Batch()
    with grandparent.jobs():
        site.push("top")
        parent = Batch()
        with parent.jobs():
            child = Batch()
            with child.jobs():
                site.push("bottom")
    other = of(site, 1)
    grandparent.invalidate()
    assert not child.valid()
    assert not parent.valid()
    assert other.valid()
    left_out = {message.args[0] for message in site.crew.members if message.id in unwanted(site)}
    assert left_out == {"top", "bottom"}
    child_of_valid = parent.status()
    assert not child_of_valid.invalidated


def test_invalidating_a_child_leaves_the_parents_jobs(site: Site) -> None:
    parent = Batch()
    with parent.jobs():
        site.push("of the parent")
        child = Batch()
        with child.jobs():
            site.push("of the child")
    child.invalidate()
    assert [message.args[0] for message in site.crew.members if message.id in unwanted(site)] == ["of the child"]


def test_saying_it_twice_is_no_news(site: Site) -> None:
    batch = of(site, 1)
    assert batch.invalidate() is True
    assert batch.invalidate() is False


def test_an_unknown_batch_cannot_be_invalidated(site: Site) -> None:
    with pytest.raises(BatchNotFound):
        Batch().invalidate()


def test_asking_again_under_the_same_sign_costs_no_round_trip(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = of(site, 1)
    batch.invalidate()
    assert len(unwanted(site, "seen")) == 1
    monkeypatch.setattr(site.client.store, "run_many", None)
    assert len(unwanted(site, "seen")) == 1


def test_a_new_sign_is_asked_about(site: Site) -> None:
    batch = of(site, 1)
    assert unwanted(site, "first") == frozenset()
    batch.invalidate()
    assert len(unwanted(site, "second")) == 1


def test_with_skip_invalidated_off_everything_runs(site: Site, new_client: type[Shiftboss]) -> None:
    batch = of(site, 1)
    batch.invalidate()
    other = new_client(skip_invalidated=False)
    assert other.perform(other.extensions["batch"].unwanted(site.crew.members, None)) == frozenset()


def test_deleted_it_leaves_no_key_and_is_not_listed(site: Site) -> None:
    batch = of(site, 3)
    site.end(site.crew.members[0], Outcome.FAILED)
    keys = batch.keys
    assert batch.delete() is True
    assert batch.delete() is False
    assert list(BatchSet()) == []
    with pytest.raises(BatchNotFound):
        batch.status()
    left = [getattr(keys, name) for name in ("record", "ran", "done", "dead", "failures")]
    assert site.client.store.run_many([site.exists(key) for key in left]) == [0] * len(left)


def test_outcomes_of_a_deleted_batch_are_dropped(site: Site) -> None:
    batch = of(site, 2)
    batch.delete()
    site.end_all()
    with pytest.raises(BatchNotFound):
        batch.status()


def family(site: Site) -> tuple[Batch, Batch]:
    parent = Batch().on("death", heard.note, {"event": "death"}).on("success", heard.note, {"event": "success"})
    with parent.jobs():
        site.push("of the parent")
        child = Batch()
        with child.jobs():
            site.push("of the child")
    return parent, child


def test_deleting_a_pending_child_settles_it_in_its_parent_as_dead(site: Site) -> None:
    parent, child = family(site)
    child.delete()
    site.end_all()
    site.call_back()
    status = parent.status()
    assert (status.state, status.death_at is not None, status.finished_at is not None) == ("dead", True, True)
    assert status.complete_at is not None
    assert [options["event"] for _, _, options in heard.CALLS] == ["death"]


def test_deleting_an_invalidated_child_settles_it_as_done(site: Site) -> None:
    parent, child = family(site)
    child.invalidate()
    child.delete()
    site.end_all()
    site.call_back()
    assert parent.status().state == "succeeded"
    assert [options["event"] for _, _, options in heard.CALLS] == ["success"]


def test_deleting_a_child_that_succeeded_changes_nothing_above(site: Site) -> None:
    parent, child = family(site)
    site.end_all()
    site.call_back()
    assert parent.status().state == "succeeded"
    child.delete()
    assert parent.status().state == "succeeded"


@pytest.mark.asyncio
async def test_coroutines_can_do_it_too(site: Site) -> None:
    batch = Batch()
    async with batch.jobs():
        await site.apush(1)
    assert await batch.avalid()
    assert await batch.ainvalidate()
    assert not await batch.avalid()
    assert await batch.adelete()
