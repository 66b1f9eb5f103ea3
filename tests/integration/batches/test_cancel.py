"""Jobs that the engine could not publish: their places count for nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest

from shiftboss import outbox
from shiftboss.batches import Batch, BatchNotFound, calls
from shiftboss.batches.hold import keeper_of
from shiftboss.client import Shiftboss
from shiftboss.engine import NotPublished
from shiftboss.jobs import Message, Outcome
from shiftboss.plan import Plan, run, work
from shiftboss.store import command
from tests.integration.batches import heard
from tests.integration.batches.crew import Crew, Site


class Clumsy(Crew):
    """Publishes only some of what it is given; the others it loses or, worse, publishes unseen."""

    def __init__(self) -> None:
        super().__init__()
        self.lost: set[object] = set()
        self.unseen: set[object] = set()

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        failed = [message.id for message in messages if {*message.args} & (self.lost | self.unseen)]
        yield from work(lambda: self.queue.extend(m for m in messages if not {*m.args} & self.lost))
        if failed:
            raise NotPublished("the broker is away", failed) from OSError("connection lost")


@pytest.fixture
def crew() -> Clumsy:
    return Clumsy()


@pytest.fixture
def site(new_client: Callable[..., Shiftboss], crew: Clumsy) -> Iterator[Site]:
    heard.CALLS.clear()
    with new_client(engine=crew) as client:
        yield Site(client, crew)


def fields(site: Site, batch: Batch, *names: str) -> list[str | None]:
    return site.client.store.run(calls.fields(batch.keys, names))


def keys(site: Site) -> list[str]:
    """All but what the shard's own lists leave: they are empty."""
    return [key.decode() for key in site.client.store.run(command("KEYS", ["*"], [], list))]


def fill(site: Site, batch: Batch, *args: object) -> None:
    with batch.jobs():
        for arg in args:
            site.push(arg)


def events(site: Site) -> list[str]:
    site.crew.ran.clear()
    site.call_back()
    return [str(message.args[1]) for message in site.crew.ran]


def full() -> Batch:
    batch = Batch()
    for event in ("complete", "success", "death", "finished"):
        batch.on(event, heard.note)
    return batch


@pytest.mark.backends("fake", "embedded")
def test_a_new_batch_of_which_nothing_was_published_is_forgotten(site: Site, crew: Clumsy) -> None:
    batch, crew.lost = full(), {1, 2}
    with pytest.raises(NotPublished, match="the broker is away"):
        fill(site, batch, 1, 2)
    with pytest.raises(BatchNotFound):
        batch.status()
    # But for the receipt of the reservation, which ends by itself.
    assert [key for key in keys(site) if ":receipt:" not in key] == []
    assert events(site) == []


def test_the_same_batch_can_be_pushed_once_the_broker_is_back(site: Site, crew: Clumsy) -> None:
    batch, crew.lost = full(), {1, 2}
    with pytest.raises(NotPublished):
        fill(site, batch, 1, 2)
    crew.lost = set()
    fill(site, batch, 1, 2)
    site.end_all()
    assert events(site) == ["complete", "success", "finished"]
    assert batch.status().total == 2


def test_a_new_batch_that_was_published_in_part_is_broken(site: Site, crew: Clumsy) -> None:
    batch, crew.lost = full(), {2}
    with pytest.raises(NotPublished):
        fill(site, batch, 1, 2, 3)
    site.end_all()
    assert events(site) == ["death"]
    assert batch.status().broken
    assert fields(site, batch, "cancelled") == ["1"]


def test_a_batch_that_was_there_goes_on_without_them(site: Site, crew: Clumsy) -> None:
    batch = full()
    fill(site, batch, 1, 2)
    crew.lost = {4}
    with pytest.raises(NotPublished):
        fill(site, batch, 3, 4, 5)
    crew.lost = set()
    fill(site, batch, 6)
    assert [m.batch.position for m in crew.members] == [0, 1, 2, 4, 5]  # type: ignore[union-attr]
    *others, last = crew.members
    for message in others:
        site.end(message)
    assert events(site) == []
    site.end(last)
    assert events(site) == ["complete", "success", "finished"]


def test_nothing_published_into_a_batch_that_is_held_open_leaves_it_as_it_was(site: Site, crew: Clumsy) -> None:
    with full() as batch:
        fill(site, batch, 1)
        crew.lost = {2, 3}
        with pytest.raises(NotPublished):
            fill(site, batch, 2, 3)
        site.end_all()
        assert events(site) == []
        assert batch.hold is not None
        assert (batch.bid, batch.hold._token) in keeper_of(site.client)._blocks, "the lease is renewed"
    assert events(site) == ["complete", "success", "finished"]


@pytest.mark.parametrize("outcome", [Outcome.SUCCEEDED, Outcome.FAILED, Outcome.DIED])
def test_a_job_that_was_published_unseen_counts_for_nothing(site: Site, crew: Clumsy, outcome: Outcome) -> None:
    batch = full()
    fill(site, batch, 1)
    crew.unseen = {2}
    with pytest.raises(NotPublished):
        fill(site, batch, 2)
    one, ghost = crew.members
    site.end(ghost, outcome)
    assert events(site) == []
    site.end(one)
    assert events(site) == ["complete", "success", "finished"]
    assert fields(site, batch, "total", "ran", "done", "dead") == ["2", "2", "2", "0"]


def test_a_job_that_has_run_is_a_member_whatever_its_publisher_saw(site: Site, crew: Clumsy) -> None:
    batch = full()
    fill(site, batch, 1, 2)
    one, two = crew.members
    site.end(two, Outcome.FAILED)
    give_up(site, batch, 1)
    assert fields(site, batch, "ran", "done", "cancelled") == ["1", "0", "0"]
    site.end(one)
    assert events(site) == ["complete"]


def test_giving_up_twice_is_giving_up_once(site: Site, crew: Clumsy) -> None:
    batch = full()
    fill(site, batch, 1, 2, 3)
    for _ in range(2):
        give_up(site, batch, 1, 2)
    assert fields(site, batch, "total", "ran", "done", "cancelled") == ["3", "2", "2", "2"]


def test_giving_up_the_last_that_was_waited_for_lets_the_batch_end(site: Site, crew: Clumsy) -> None:
    batch = full()
    fill(site, batch, 1, 2)
    site.end(crew.members[0])
    give_up(site, batch, 1)
    assert events(site) == ["complete", "success", "finished"]


def test_a_place_that_cannot_be_is_refused_before_anything_is_written(site: Site, crew: Clumsy) -> None:
    batch = full()
    fill(site, batch, 1)
    with pytest.raises(Exception, match="expected at most 1,000 positions"):
        give_up(site, batch, 0, 2**32 - 1)
    assert fields(site, batch, "ran", "cancelled") == ["0", None]


def give_up(site: Site, batch: Batch, *positions: int) -> None:
    given = site.client.perform(run(calls.cancel(batch.keys, batch.bid, "", outbox.GRACE, "", False, positions)))
    site.client.perform(outbox.settle(site.client, batch.keys.out, given.items, resent=False))
