"""Jobs blocks: what belongs to a batch, when it is pushed, and what an exception leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from itertools import count

import pytest

from shiftboss import outbox
from shiftboss.batches import Batch, BatchClosed, BatchError, BatchNotFound
from shiftboss.batches.block import LARGEST
from shiftboss.client import Shiftboss, current_client
from shiftboss.config import ConfigError
from shiftboss.decoders import texts
from shiftboss.jobs import CurrentJob, Member, Message, running
from shiftboss.store import command
from tests.integration.batches import heard
from tests.integration.batches.crew import Crew, Site


def size(site: Site) -> int:
    """How many keys there are."""
    return site.client.store.run(command("DBSIZE", [], [], int))


def test_ids_are_there_at_once_and_in_order(site: Site) -> None:
    with Batch().jobs() as added:
        pushed = [site.push(number) for number in range(5)]
        assert added.ids == pushed
        assert site.crew.queue == []
    assert [message.id for message in site.crew.queue] == pushed
    assert [message.batch.position for message in site.crew.members] == [0, 1, 2, 3, 4]  # type: ignore[union-attr]


def test_an_exception_in_the_block_pushes_nothing_and_leaves_nothing(site: Site) -> None:
    with pytest.raises(ZeroDivisionError), Batch().jobs():
        site.push(1)
        raise ZeroDivisionError
    assert site.crew.queue == []
    assert size(site) == 0


def test_a_job_pushed_outside_is_no_member(site: Site) -> None:
    batch = Batch()
    with batch.jobs():
        site.push(1)
    site.push(2)
    assert [message.batch is None for message in site.crew.queue] == [False, True]
    assert batch.status().total == 1


def test_each_job_belongs_to_the_innermost_block(site: Site) -> None:
    outer, inner = Batch(), Batch()
    with outer.jobs():
        site.push("outer")
        with inner.jobs():
            site.push("inner")
        site.push("outer again")
    by_batch = {message.args[0]: message.batch.bid for message in site.crew.members}  # type: ignore[union-attr]
    assert by_batch == {"outer": outer.bid, "inner": inner.bid, "outer again": outer.bid}


def test_between_two_blocks_the_batch_may_finish_and_then_the_message_shows_the_form_that_holds_it_open(
    site: Site,
) -> None:
    batch = Batch()
    with batch.jobs():
        site.push(1)
    site.end_all()
    with pytest.raises(BatchClosed, match=r"with Batch\(\.\.\.\) as batch"), batch.jobs():
        site.push(2)
    assert site.crew.members == []


def test_an_unfinished_batch_takes_more_in_a_second_block(site: Site) -> None:
    batch = Batch().on("success", heard.note)
    with batch.jobs():
        site.push(1)
    with batch.jobs():
        site.push(2)
    assert batch.status().total == 2
    site.end_all()
    site.call_back()
    assert len(heard.CALLS) == 1


def test_reopening_and_adding_nothing_fires_nothing(site: Site) -> None:
    batch = Batch().on("complete", heard.note)
    with batch.jobs():
        site.push(1)
    with Batch.open(batch.bid).jobs():
        pass
    site.call_back()
    assert heard.CALLS == []


def test_held_open_its_events_fire_only_after_the_end_of_a_thousand_blocks(site: Site) -> None:
    numbers = count()
    with Batch().on("success", heard.note) as batch:
        for _ in range(1_000):
            with batch.jobs():
                site.push(next(numbers))
            site.end_all()
        with batch.jobs():
            pass
        site.call_back()
        assert heard.CALLS == []
        assert batch.status().open
    site.call_back()
    ((_, status, _),) = heard.CALLS
    assert (status.total, status.done) == (1_000, 1_000)


def test_held_open_and_never_filled_it_succeeds_at_its_end(site: Site) -> None:
    with Batch().on("success", heard.note) as batch:
        pass
    site.call_back()
    assert [status.bid for _, status, _ in heard.CALLS] == [batch.bid]


def test_an_exception_while_held_open_and_before_any_block_leaves_nothing(site: Site) -> None:
    with pytest.raises(ZeroDivisionError), Batch():
        raise ZeroDivisionError
    assert size(site) == 0


def test_an_exception_while_held_open_leaves_what_was_pushed_in_a_broken_batch(site: Site) -> None:
    batch = Batch().on("success", heard.note).on("death", heard.note, {"death": True})
    with pytest.raises(ZeroDivisionError), batch:
        with batch.jobs():
            site.push(1)
        raise ZeroDivisionError
    site.end_all()
    site.call_back()
    ((_, status, options),) = heard.CALLS
    assert options == {"death": True}
    assert status.broken
    assert batch.status().state == "broken"
    with pytest.raises(BatchClosed, match="broken"), batch.jobs():
        site.push(2)


def test_it_is_held_open_by_one_with_at_a_time(site: Site) -> None:
    with Batch() as batch:
        with batch.jobs():
            site.push(1)
        with pytest.raises(BatchError, match="is held open already"), batch:
            pass
        with batch.jobs():
            site.push(2)
    with batch, batch.jobs():
        site.push(3)
    site.end_all()
    assert batch.status().state == "succeeded"


def test_it_can_be_held_open_again_after_that_failed(site: Site) -> None:
    batch = Batch()
    with batch.jobs():
        pass
    for _ in range(2):
        with pytest.raises(BatchClosed, match="has finished"), batch:
            pass


@pytest.mark.parametrize("held", [False, True])
def test_an_outage_takes_no_other_errors_place(site: Site, monkeypatch: pytest.MonkeyPatch, held: bool) -> None:
    def away(*_: object) -> None:
        raise ConnectionError("away")

    monkeypatch.setattr("shiftboss.batches.calls.abandon", away)
    batch = Batch()
    with pytest.raises(KeyError), batch if held else nullcontext(), batch.jobs(autoflush=1):
        site.push(1)
        raise KeyError
    monkeypatch.undo()
    site.client.store.run(command("ZADD", [batch.keys.holds], ["XX", 0, _hold_of(site, batch)], int))
    site.client.perform(outbox.reap(site.client, "reaper"))
    assert batch.status().broken


def _hold_of(site: Site, batch: Batch) -> str:
    (hold,) = site.client.store.run(command("ZRANGE", [batch.keys.holds], [0, -1], texts))
    return hold


def test_autoflush_pushes_whenever_so_many_have_come_together(site: Site) -> None:
    batch = Batch().on("success", heard.note)
    with batch.jobs(autoflush=10):
        for number in range(35):
            site.push(number)
            assert len(site.crew.queue) == (number + 1) // 10 * 10
        site.end_all()
    site.end_all()
    site.call_back()
    ((_, status, _),) = heard.CALLS
    assert status.total == 35


def test_jobs_for_now_and_for_later_are_all_counted_with_autoflush(new_client: Callable[..., Shiftboss]) -> None:
    client, batch = new_client(engine=Crew()), Batch()
    with client:
        with batch.jobs(autoflush=7):
            for number in range(50):
                at = 2e9 + number if number % 3 else None
                client.perform(client.push([Message("job", (number,), "low", f"id-{number}", at=at)]))
        assert batch.status().total == 50


def test_a_batch_of_another_namespace_is_not_found(site: Site, new_client: Callable[..., Shiftboss]) -> None:
    batch = Batch()
    with batch.jobs():
        site.push(1)
    with new_client(engine=site.crew, namespace="other"), pytest.raises(BatchNotFound, match=batch.bid):
        Batch.open(batch.bid)


def test_autoflush_and_an_exception_leave_what_was_pushed_and_the_status_says_so(site: Site) -> None:
    batch = Batch()
    with pytest.raises(ZeroDivisionError), batch.jobs(autoflush=2):
        for number in range(5):
            site.push(number)
        raise ZeroDivisionError
    status = batch.status()
    assert (status.total, status.broken) == (4, True)


@pytest.mark.parametrize("autoflush", [0, -1, LARGEST + 1, 1.5, "10", True])
def test_autoflush_must_be_a_number_of_jobs(site: Site, autoflush: object) -> None:
    with pytest.raises(ConfigError, match="expected autoflush"):
        Batch().jobs(autoflush=autoflush)  # type: ignore[arg-type]


def test_a_bound_function_adds_from_a_thread_pool(site: Site) -> None:
    batch = Batch()
    with batch.jobs() as added, ThreadPoolExecutor(4) as pool:
        list(pool.map(batch.bind(site.push), range(100)))
    assert len(added.ids) == batch.status().total == 100


def test_a_thread_that_was_not_bound_adds_nothing(site: Site) -> None:
    with Batch().jobs() as added, ThreadPoolExecutor(1) as pool:
        pool.submit(site.push, 1).result()
    assert added.ids == []
    assert [message.batch for message in site.crew.queue] == [None]


def test_what_is_pushed_in_the_block_of_a_batch_with_a_client_of_its_own_goes_there(
    site: Site, new_client: Callable[..., Shiftboss]
) -> None:
    crew = Crew()
    with Batch(client=new_client(engine=crew, namespace="other")).jobs() as added:
        client = current_client()
        message = Message("job", (), "low", "abc")
        client.perform(client.push([message]))
    assert added.ids == ["abc"]
    assert [member.id for member in crew.members] == ["abc"]
    assert current_client() is site.client


def test_pushing_after_the_end_of_the_block_is_refused(site: Site) -> None:
    batch = Batch()
    with batch.jobs():
        late = batch.bind(site.push)
    with pytest.raises(BatchClosed, match=r"jobs block .* has ended"):
        late(1)


@pytest.mark.backends("fake")
def test_what_is_pushed_while_another_thread_ends_the_block_is_refused_or_pushed(site: Site) -> None:
    block = Batch().jobs()

    class Slow(list[Message]):
        """The thread that collects these is overtaken while it reads them."""

        def __iter__(self) -> Iterator[Message]:
            site.client.perform(block._end())
            return super().__iter__()

    with pytest.raises(BatchClosed, match="has ended"):
        site.client.perform(block.collect(Slow([Message("job", (), "low", "a")])))
    assert block.ids == []


def test_a_block_is_entered_once(site: Site) -> None:
    block = Batch().jobs()
    with block:
        pass
    with pytest.raises(BatchError, match="entered once"), block:
        pass


def test_a_running_member_adds_members_until_the_batch_succeeds(site: Site) -> None:
    batch = Batch().on("success", heard.note)
    with batch.jobs():
        site.push("adder")
    (adder,) = site.crew.members
    with running(CurrentJob(adder.id, "low", adder)), Batch.open(batch.bid).jobs():
        site.push("added")
    added = site.crew.members[-1]
    assert added.batch == Member(batch.bid, 1)
    site.end(added)
    site.call_back()
    assert heard.CALLS == []
    site.end(adder)
    site.call_back()
    assert len(heard.CALLS) == 1


@pytest.mark.parametrize("bid", ["", "nonsense", "3f" + "x" * 15, "../../etc", "3f{}:*" + "x" * 10, "zz" + "a" * 14])
def test_an_id_that_can_be_no_batch_is_not_found(site: Site, bid: str) -> None:
    with pytest.raises(BatchNotFound, match="16 letters"):
        Batch.open(bid)


def test_an_unknown_batch_is_not_found(site: Site) -> None:
    with pytest.raises(BatchNotFound, match="never was, or it has expired"):
        Batch.open("3f" + "a" * 14)
    with pytest.raises(BatchNotFound, match="its first jobs block has not ended"):
        Batch().status()


@pytest.mark.asyncio
async def test_async_with_does_the_same(site: Site) -> None:
    async with Batch().on("success", heard.anote, {"n": 1}) as batch:
        async with batch.jobs() as added:
            await site.apush(1)
        async with batch.jobs(autoflush=1):
            await site.apush(2)
            await site.apush(3)
    assert len(added.ids) == 1
    assert (await batch.astatus()).total == 3
    assert (await Batch.aopen(batch.bid)).bid == batch.bid
    await site.client.aclose()
