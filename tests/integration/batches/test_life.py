"""How long a batch lives, and blocks that never close."""

from __future__ import annotations

from datetime import timedelta

import pytest

from shiftboss import outbox
from shiftboss.batches import Batch, BatchClosed, BatchNotFound, BatchSet, calls
from shiftboss.batches.hold import LEASE
from shiftboss.jobs import Outcome
from shiftboss.store import command
from tests.backends import Backend
from tests.integration.batches import heard
from tests.integration.batches.crew import Site

DAY_MS = 86_400_000


def life(site: Site, key: str) -> int:
    return site.client.store.run(command("PTTL", [key], [], int))


def test_pending_it_lives_thirty_days_with_all_its_keys(site: Site) -> None:
    batch = Batch()
    with batch.jobs():
        site.push(1)
        site.push(2)
    site.end(site.crew.members[0])
    assert 29.9 * DAY_MS < life(site, batch.keys.record) <= 30 * DAY_MS
    for key in (batch.keys.ran, batch.keys.done):
        assert life(site, key) > life(site, batch.keys.record)


def test_succeeded_it_lingers_once_its_callbacks_are_done(site: Site) -> None:
    batch = Batch(linger=timedelta(hours=1)).on("success", heard.note).on("complete", heard.note)
    with batch.jobs():
        site.push(1)
    site.end_all()
    assert life(site, batch.keys.record) > DAY_MS
    site.call_back()
    for key in (batch.keys.record, batch.keys.ran, batch.keys.done):
        assert 0 < life(site, key) <= 3_600_000 * 1.05


def test_succeeded_without_callbacks_it_lingers_at_once(site: Site) -> None:
    batch = Batch(linger=3600)
    with batch.jobs():
        pass
    assert 0 < life(site, batch.keys.record) <= 3_600_000


@pytest.mark.parametrize("age", [DAY_MS, -DAY_MS], ids=["after a day", "although the clock was set back"])
def test_activity_renews_it(site: Site, age: int) -> None:
    batch = Batch()
    with batch.jobs():
        site.push(1)
        site.push(2)
    keys = batch.keys
    for key in (keys.record, keys.ran, keys.done):
        site.client.store.run(command("PEXPIRE", [key], [60_000], int))
    site.age(keys, age)
    site.end(site.crew.members[0])
    for key in (keys.record, keys.ran, keys.done):
        assert life(site, key) > 29 * DAY_MS
    assert batch.status().rate <= 1000


@pytest.mark.backends("embedded", "redis")
def test_what_ends_is_recorded_by_a_server_that_is_full(site: Site, backend: Backend) -> None:
    batch = Batch().on("success", heard.note)
    with batch.jobs():
        site.push(1)
        site.push(2)
    first, second = site.crew.members
    site.end(first, Outcome.FAILED)
    backend.raw.config_set("maxmemory", 1)
    try:
        site.end(second)
        site.end(first)
        (callback,) = site.crew.callbacks
        site.client.perform(site.client.extensions["batch"].finished(callback, Outcome.DIED, RuntimeError()))
        status = batch.status()
    finally:
        backend.raw.config_set("maxmemory", 0)
    assert (status.done, status.state, status.callbacks[0].state) == (2, "succeeded", "died")


def test_dead_it_lives_180_days(site: Site) -> None:
    batch = Batch()
    with batch.jobs():
        site.push(1)
    site.end_all(Outcome.DIED)
    for key in (batch.keys.record, batch.keys.ran, batch.keys.done, batch.keys.dead):
        assert life(site, key) > 179 * DAY_MS


def open_block(site: Site, batch: Batch) -> None:
    """A block whose process died: it added one member and never closed, and its lease has ended."""
    store = site.client.store
    assert (
        store.run(calls.open(batch.keys, batch.bid, "gone", LEASE, batch.ttl, False, False, batch.record("low")))
        == "ok"
    )
    assert store.run(calls.add(batch.keys, batch.bid, "gone", "step", 1, LEASE)).base == 0
    end_lease(site, batch, "gone")
    batch.mark_flushed()


def end_lease(site: Site, batch: Batch, token: str) -> None:
    site.client.store.run(command("ZADD", [batch.keys.holds], ["XX", 0, f"{batch.bid}|{token}"], int))


def test_a_block_that_never_closed_breaks_the_batch_and_fires_death_once(site: Site) -> None:
    batch = Batch().on("death", heard.note, {"event": "death"}).on("success", heard.note)
    open_block(site, batch)
    for _ in range(3):
        site.client.perform(outbox.reap(site.client, "reaper"))
    site.client.store.run(calls.ack(batch.keys, batch.bid, "low", 0, [0, "s", ""]))
    site.call_back()
    ((_, status, options),) = heard.CALLS
    assert (status.broken, options) == (True, {"event": "death"})
    status = batch.status()
    assert (status.state, status.success_at, status.complete_at) == ("broken", None, None)


def test_a_block_that_shows_signs_of_life_is_not_broken(site: Site) -> None:
    batch = Batch()
    open_block(site, batch)
    shard = next(s for s in BatchSet()._shards if s.shard == batch.bid[:2])
    assert site.client.store.run(calls.renew(shard, LEASE, [f"{batch.bid}|gone"])) == 1
    site.client.perform(outbox.reap(site.client, "reaper"))
    assert not batch.status().broken
    assert site.client.store.run(calls.renew(shard, LEASE, [f"{batch.bid}|other"])) == 0


def test_an_owner_that_wakes_up_after_its_lease_is_told(site: Site) -> None:
    batch = Batch()
    with pytest.raises(BatchClosed, match="broken"), batch, batch.jobs():
        assert batch.hold is not None
        end_lease(site, batch, batch.hold._token)
        site.client.perform(outbox.reap(site.client, "reaper"))
        site.push(1)


def test_reserving_twice_in_one_step_reserves_once(site: Site) -> None:
    batch, store = Batch(), site.client.store
    store.run(calls.open(batch.keys, batch.bid, "t", LEASE, batch.ttl, False, False, batch.record("low")))
    assert [store.run(calls.add(batch.keys, batch.bid, "t", "a", 10, LEASE)).base for _ in range(2)] == [0, 0]
    assert store.run(calls.add(batch.keys, batch.bid, "t", "b", 5, LEASE)).base == 10
    assert store.run(calls.add(batch.keys, batch.bid, "t", "a", 10, LEASE)).base == 0  # its first reply was lost
    assert store.run(calls.close(batch.keys, batch.bid, "t", 0, "low")).status == "ok"
    assert store.run(calls.close(batch.keys, batch.bid, "t", 0, "low")).status == "broken"


def test_opening_twice_holds_once(site: Site) -> None:
    batch, store = Batch(), site.client.store
    for _ in range(2):
        store.run(calls.open(batch.keys, batch.bid, "t", LEASE, batch.ttl, False, False, batch.record("low")))
    closed = store.run(calls.close(batch.keys, batch.bid, "t", 0, "low"))
    batch.mark_flushed()
    assert closed.status == "ok"
    assert batch.status().state == "succeeded"


def test_the_bitmaps_are_as_large_as_needed_at_once(site: Site) -> None:
    batch = Batch()
    with batch.jobs():
        for number in range(800):
            site.push(number)
    assert site.client.store.run(command("STRLEN", [batch.keys.done], [], int)) == 100
    assert site.client.store.run(command("STRLEN", [batch.keys.dead], [], int)) == 0


def test_a_broken_batch_can_be_gone_on_with(site: Site) -> None:
    batch = Batch().on("success", heard.note, {"event": "success"})
    rows = list(range(5))
    with pytest.raises(KeyError), batch.jobs(autoflush=2):
        for row in rows:
            site.push(row)
            if row == 3:
                raise KeyError
    site.end_all()
    assert batch.status().state == "broken"
    with Batch.resume(batch.bid) as again:
        with again.jobs():
            for row in rows[again.status().total :]:
                site.push(row)
        assert [message.args[0] for message in site.crew.members] == [4]
        assert not again.status().broken
    site.end_all()
    site.call_back()
    assert batch.status().state == "succeeded"
    assert [options for _, _, options in heard.CALLS] == [{"event": "success"}]


def test_only_a_batch_that_is_there_can_be_gone_on_with(site: Site) -> None:
    with pytest.raises(BatchNotFound), Batch.resume("3f00000000000000") as batch, batch.jobs():
        site.push(1)
    assert site.crew.queue == []


def test_a_broken_batch_that_has_finished_stays_broken_when_it_cannot_be_gone_on_with(site: Site) -> None:
    batch = Batch()
    with batch.jobs():
        site.push(1)
    site.end_all(Outcome.DIED)
    site.client.store.run(command("HSET", [batch.keys.record], ["broken", 1], int))
    with pytest.raises(BatchClosed, match="has finished"), Batch.resume(batch.bid) as again, again.jobs():
        site.push(2)
    assert batch.status().broken
