"""What goes wrong around batches: processes, servers, memory, replicas. What was counted stays so, and nothing counts twice."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from threading import Barrier
from typing import Any

import pytest
import redis

from shiftboss import Shiftboss, job, outbox
from shiftboss.batches import Batch, calls
from shiftboss.batches.doctor import examine
from shiftboss.engines.sidekiq.payload import decode
from shiftboss.jobs import Member, Outcome
from shiftboss.keys import SidekiqKeys
from shiftboss.scripts import command
from tests.backends import Backend
from tests.integration.batches import heard
from tests.integration.batches.crew import Crew, Site
from tests.servers import ServerProcess, embedded_binary
from tests.waiting import wait_until

EVENTS = ("complete", "success", "death", "finished")


@job(name="batch_faults.nothing", queue="low")
def nothing(n: int = 0) -> None: ...


def batch_of(site: Site, n: int) -> Batch:
    batch = Batch()
    for event in EVENTS:
        batch.on(event, heard.note, {"event": event})
    with batch.jobs():
        for number in range(n):
            site.push(number)
    return batch


def events(site: Site) -> list[str]:
    site.call_back()
    return [options["event"] for _, _, options in heard.CALLS]


@contextmanager
def site_on(server: ServerProcess) -> Iterator[Site]:
    """A site on a server of the test's own."""
    heard.CALLS.clear()
    with Shiftboss(server.url, engine=Crew()) as client:  # type: ignore[arg-type]
        assert isinstance(client.engine, Crew)
        yield Site(client, client.engine)


@pytest.mark.backends("embedded", "redis", "cluster")
def test_b7_the_last_fifty_members_end_at_one_instant_and_each_event_fires_once(site: Site) -> None:
    batch = batch_of(site, 50)
    barrier = Barrier(50)

    def end(member: Any) -> list[str]:
        barrier.wait()
        return site.end(member, keep=True)

    with ThreadPoolExecutor(50) as threads:
        decided = [item for items in threads.map(end, site.crew.members) for item in items]
    assert sorted(item.rpartition("|")[2] for item in decided if "|event|" in item) == [
        "complete",
        "finished",
        "success",
    ]
    assert sorted(events(site)) == ["complete", "finished", "success"]
    assert batch.status().pending == 0


def test_t6_what_a_member_adds_is_waited_for_and_so_is_the_member(site: Site) -> None:
    batch = batch_of(site, 1)
    (adder,) = site.crew.members
    with Batch.open(batch.bid).jobs():
        site.push("added")
    added = next(message for message in site.crew.members if message is not adder)
    site.end(added)
    assert events(site) == []
    assert (batch.status().total, batch.status().pending) == (2, 1)
    site.end(adder)
    assert events(site) == ["complete", "success", "finished"]


def test_b8_the_last_pending_member_adds_more_and_nothing_fires_before_these_have_ended(site: Site) -> None:
    batch = batch_of(site, 2)
    first, last = site.crew.members
    site.end(first)
    with Batch.open(batch.bid).jobs():
        site.push("more")
        site.push("and more")
    site.end(last)
    assert events(site) == []
    site.end_all()
    assert events(site) == ["complete", "success", "finished"]


@pytest.mark.parametrize("first_seen", ["running", "given up"])
def test_t7_and_t8_a_member_that_runs_twice_counts_once(site: Site, first_seen: str) -> None:
    batch = batch_of(site, 2)
    twice, other = site.crew.members
    # Its worker was killed before it could tell (T7), or put it back and it ended all the same (T8): two runs end.
    runs = [site.end(twice, keep=True)] if first_seen == "given up" else []
    runs.append(site.end(twice))
    assert (batch.status().pending, runs) == (1, [[]] * len(runs))
    site.end(other)
    site.end(twice, Outcome.FAILED)
    site.end(twice, Outcome.DIED)
    assert events(site) == ["complete", "success", "finished"]
    assert (batch.status().pending, batch.status().dead) == (0, 0)


def test_b9_a_callback_that_raises_twice_and_then_passes_lets_the_parent_fire_once(site: Site) -> None:
    parent = Batch().on("success", heard.note, {"event": "parent"})
    with parent.jobs():
        child = Batch().on("success", heard.note, {"event": "child"})
        with child.jobs():
            site.push(1)
    site.end_all()
    (callback,) = site.crew.callbacks
    for _ in range(2):
        heard.FAILURES.append(RuntimeError("the printer is out of paper"))
        with pytest.raises(RuntimeError):
            site.run(callback)
        assert parent.status().success_at is None
    first = child.status().success_at
    assert events(site) == ["child", "parent"]
    assert child.status().success_at == first
    site.run(callback)
    assert events(site) == ["child", "parent"]


def test_b14_a_record_that_was_evicted_under_live_jobs_is_told_once_and_is_no_success(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    batch = batch_of(site, 3)
    site.client.store.run(command("DEL", [batch.keys.record], [], int))
    with caplog.at_level(logging.WARNING, "shiftboss.batches"):
        site.end_all()
    assert [record.getMessage() for record in caplog.records] == [
        f"batch {batch.bid} is gone (deleted, expired or evicted): outcomes of its members are dropped"
    ]
    assert events(site) == []
    assert site.client.store.run(site.exists(batch.keys.record)) == 0


@pytest.mark.backends("embedded", "redis", "cluster")
def test_b17_a_server_that_forgets_its_scripts_between_any_two_calls_is_no_news(site: Site, backend: Backend) -> None:
    batch = batch_of(site, 5)
    for member in list(site.crew.members):
        backend.raw.script_flush()
        site.end(member)
    backend.raw.script_flush()
    assert events(site) == ["complete", "success", "finished"]
    assert batch.status().done == 5


@pytest.mark.backends("fake", "embedded", "redis", "acl")
def test_numbers_beyond_53_bits_reach_the_member_unchanged(client: Shiftboss, backend: Backend) -> None:
    batch = Batch()
    with batch.jobs():
        nothing.perform_async(2**63 + 1)
    (payload,) = client.store.run(command("LRANGE", [SidekiqKeys("sb").queue("low")], [0, -1], list))
    assert decode(payload).message.args == (2**63 + 1,)


@pytest.mark.parametrize("fsync", ["always", "everysec"])
def test_b12_a_server_that_is_killed_and_comes_back_has_counters_that_agree_with_its_bitmaps(fsync: str) -> None:
    log = ("--appendonly", "yes", "--appendfsync", fsync)
    with ServerProcess(embedded_binary(), *log) as server, site_on(server) as site:
        batch = batch_of(site, 200)
        for member in site.crew.members[:120]:
            site.end(member, keep=True)
        server.kill()
        server.start()
        assert_consistent(site.client, batch)
        # Jobs whose outcome may be lost run again, as they do in a queue that came back with the server.
        site.end_all()
        assert events(site) == ["complete", "success", "finished"]


@pytest.mark.timeout(60)
def test_b13_a_log_that_was_cut_inside_a_scripts_writes_has_all_of_it_or_nothing() -> None:
    with ServerProcess(embedded_binary(), "--appendonly", "yes", "--appendfsync", "always") as server:
        with site_on(server) as site:
            batch = batch_of(site, 20)
            for member in list(site.crew.members):
                site.end(member)
        server.kill()
        (log,) = server.directory.glob("appendonlydir/*.incr.aof")
        whole = log.read_bytes()
        for cut in range(40, len(whole) // 2, len(whole) // 16):
            log.write_bytes(whole[:-cut])
            server.start()
            with Shiftboss(server.url) as client:
                assert_consistent(client, batch)
            server.kill()


def assert_consistent(client: Shiftboss, batch: Batch) -> None:
    keys = batch.keys
    ran, done, dead = client.store.run(calls.fields(keys, ["ran", "done", "dead"]))
    bits = [client.store.run(command("BITCOUNT", [key], [], int)) for key in (keys.ran, keys.done, keys.dead)]
    assert [int(ran or 0), int(done or 0), int(dead or 0)] == bits
    assert ran is not None or bits == [0, 0, 0]


def test_b18_a_replica_that_missed_the_last_writes_has_more_pending_and_never_less() -> None:
    with ExitStack() as stack:
        primary, replica = (stack.enter_context(ServerProcess(embedded_binary())) for _ in range(2))
        replica.command("REPLICAOF", "127.0.0.1", primary.port)
        with Shiftboss(primary.url) as client:
            batch = Batch(client=client)
            with batch.jobs():
                for number in range(3):
                    nothing.perform_async(number)
            (payload, *_) = client.store.run(command("LRANGE", [SidekiqKeys("sb").queue("low")], [0, -1], list))
            wait_until(lambda: replica.command("LLEN", "queue:low") == 3, what="the replica to have followed")
            replica.command("REPLICAOF", "NO", "ONE")
            # What only the old primary knows: one member has ended.
            member = decode(payload).message.batch
            assert isinstance(member, Member)
            client.store.run(calls.ack(batch.keys, batch.bid, "low", 1000, [member.position, "s", ""]))
            assert batch.status().pending == 2
        with Shiftboss(replica.url) as client:
            there = Batch.open(batch.bid, client=client)
            assert there.status().pending == 3
            assert examine(client=client) == []  # its job is in the queue again, and will be run again
            client.store.run(command("LPOP", [SidekiqKeys("sb").queue("low")], [], bytes))
            (finding,) = examine(client=client)
            assert (finding.kind, finding.positions) == ("lost", (member.position,))


def test_what_a_process_left_that_died_between_deciding_and_pushing_is_pushed_once(site: Site) -> None:
    batch = batch_of(site, 1)
    (member,) = site.crew.members
    place = member.batch
    assert isinstance(place, Member)
    # Decided and written down; then the process is gone.
    site.client.store.run(calls.ack(batch.keys, batch.bid, "low", -1, [place.position, "s", ""]))
    assert site.crew.callbacks == []
    for _ in range(2):
        site.client.perform(outbox.reap(site.client, "reaper"))
    assert sorted(events(site)) == ["complete", "finished", "success"]


@pytest.mark.backends("fake")
def test_b19_all_keys_of_a_batch_are_in_one_slot_of_a_cluster(site: Site) -> None:
    batch = batch_of(site, 2)
    keys = batch.keys
    names = [keys.record, keys.ran, keys.done, keys.dead, keys.index, keys.out, keys.failures, keys.results]
    assert len({redis.crc.key_slot(name.encode()) for name in names}) == 1


@pytest.mark.backends("embedded", "redis")
def test_a_full_server_is_told_how_members_ended(site: Site, backend: Backend) -> None:
    batch = batch_of(site, 3)
    backend.raw.config_set("maxmemory", 1)
    try:
        for place, outcome in enumerate("fsd"):
            site.client.store.run(calls.ack(batch.keys, batch.bid, "low", 1000, [place, outcome, ""]))
    finally:
        backend.raw.config_set("maxmemory", 0)
    status = batch.status()
    assert (status.done, status.failing, status.dead, status.complete_at is not None) == (1, 1, 1, True)
