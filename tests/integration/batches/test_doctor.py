"""The doctor: what will not mend by itself is found, and what is told to be done is done."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from shiftboss import BatchError, BatchNotFound, Shiftboss, job
from shiftboss.alive import process_of
from shiftboss.batches import Batch, calls
from shiftboss.batches.doctor import aexamine, bury, close, examine, give_up
from shiftboss.jobs import Member, Message, Outcome
from shiftboss.keys import SidekiqKeys
from shiftboss.outbox import reap
from shiftboss.plan import Plan
from shiftboss.reporting import letting_go, report, starting
from shiftboss.scripts import command
from tests.integration.batches import heard
from tests.integration.batches.crew import Site

pytestmark = pytest.mark.backends("fake", "embedded", "redis", "acl")


@job(name="doctor.nothing", queue="low")
def nothing(n: int = 0) -> None: ...


@pytest.fixture
def client(new_client: Callable[..., Shiftboss]) -> Shiftboss:
    """On the built-in engine, which can say where jobs are."""
    heard.CALLS.clear()
    return new_client()


def batch_of(client: Shiftboss, n: int) -> Batch:
    batch = Batch(client=client).on("success", heard.note, {"event": "success"})
    with batch.jobs():
        for number in range(n):
            nothing.perform_async(number)
    return batch


def lose(client: Shiftboss, count: int) -> None:
    """Take jobs out of the queue, as nobody should."""
    client.store.run(command("RPOP", [SidekiqKeys("sb").queue("low")], [count], list))


def test_nothing_is_found_where_nothing_is_wrong(client: Shiftboss) -> None:
    batch_of(client, 3)
    assert examine(client=client) == []


def test_members_whose_job_is_nowhere_are_found(client: Shiftboss) -> None:
    batch = batch_of(client, 5)
    lose(client, 2)
    (finding,) = examine(client=client)
    assert (finding.bid, finding.kind, finding.positions) == (batch.bid, "lost", (0, 1))
    assert examine(batch.bid, client=client) == [finding]
    assert finding.to_dict()["positions"] == [0, 1]


def test_jobs_that_wait_in_a_set_or_in_a_process_are_not_lost(client: Shiftboss) -> None:
    keys = SidekiqKeys("sb")
    batch = batch_of(client, 4)
    (scheduled, retried, dead, taken) = client.store.run(command("LRANGE", [keys.queue("low")], [0, -1], list))
    for name, payload in ((keys.schedule, scheduled), (keys.retry, retried), (keys.dead, dead)):
        client.store.run(command("ZADD", [name], [1, payload], int))
    client.store.run(command("LPUSH", [keys.inflight("host:1:ab")], [taken], int))
    client.store.run(command("SADD", [keys.workers], ["host:1:ab"], int))
    lose(client, 4)
    assert examine(batch.bid, client=client) == []


def test_a_childs_place_is_not_lost(client: Shiftboss) -> None:
    parent = Batch(client=client)
    with parent.jobs():
        child = Batch()
        with child.jobs():
            nothing.perform_async()
    assert examine(client=client) == []
    client.store.run(calls.delete(child.keys, child.bid, 60_000))
    assert {finding.bid for finding in examine(parent.bid, client=client)} == {parent.bid}


def test_places_of_jobs_that_are_about_to_be_pushed_are_not_lost(client: Shiftboss) -> None:
    with Batch(client=client) as batch:
        with batch.jobs():
            nothing.perform_async(0)
        assert batch.hold is not None
        client.perform(batch.hold.reserve(5))
        assert examine(client=client) == []
    (finding,) = examine(client=client)
    assert (finding.kind, finding.positions) == ("lost", (1, 2, 3, 4, 5))


def test_what_is_pushed_while_the_doctor_looks_is_not_lost(client: Shiftboss, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = batch_of(client, 2)
    lose(client, 1)
    look, looks = client.engine.whereabouts, list[None]()  # type: ignore[attr-defined]

    def look_and_push(bids: frozenset[str]) -> Plan[dict[str, set[int]]]:
        found = yield from look(bids)
        looks.append(None)
        with batch.jobs():
            nothing.perform_async()
        return found  # type: ignore[no-any-return]

    monkeypatch.setattr(client.engine, "whereabouts", look_and_push)
    assert [finding.positions for finding in examine(client=client)] == [(0,)]
    assert len(looks) == 2


def test_lost_members_can_be_counted_as_dead(client: Shiftboss) -> None:
    batch = batch_of(client, 3)
    lose(client, 3)
    bury(batch.bid, (0, 1, 2), client=client)
    status = batch.status()
    assert (status.dead, status.state) == (3, "dead")
    assert examine(client=client) == []


def test_lost_members_can_be_given_up_and_count_for_nothing(client: Shiftboss) -> None:
    batch = batch_of(client, 300)
    lose(client, 300)
    give_up(batch.bid, range(300), client=client)
    status = batch.status()
    assert (status.total, status.done, status.state) == (0, 0, "succeeded")


def test_lost_members_can_be_pushed_again_and_their_old_places_given_up(client: Shiftboss) -> None:
    batch = batch_of(client, 2)
    lose(client, 2)
    (finding,) = examine(client=client)
    with Batch.open(batch.bid, client=client).jobs():
        nothing.perform_async(0)
        nothing.perform_async(1)
    give_up(batch.bid, finding.positions, client=client)
    assert examine(client=client) == []
    assert (batch.status().total, batch.status().pending) == (2, 2)
    client.store.run(calls.ack(batch.keys, batch.bid, "low", 60_000, [2, "s", "", 3, "s", ""]))
    assert batch.status().state == "succeeded"


def test_a_broken_batch_is_found_and_can_be_taken_as_it_is(client: Shiftboss) -> None:
    batch = Batch(client=client)
    with pytest.raises(KeyError), batch.jobs(autoflush=1):
        nothing.perform_async(1)
        raise KeyError
    assert [finding.kind for finding in examine(client=client)] == ["broken"]
    assert close(batch.bid, client=client) is True
    assert close(batch.bid, client=client) is False
    assert not batch.status().broken
    client.store.run(calls.ack(batch.keys, batch.bid, "low", 60_000, [0, "s", ""]))
    assert batch.status().state == "succeeded"


def test_a_batch_that_is_taken_as_it_is_goes_on_waiting_for_another_block(client: Shiftboss) -> None:
    batch = Batch(client=client)
    with batch:
        with batch.jobs():
            nothing.perform_async(1)
        with pytest.raises(KeyError), Batch.open(batch.bid, client=client).jobs(autoflush=1):
            nothing.perform_async(2)
            raise KeyError
        assert close(batch.bid, client=client) is True
        client.store.run(calls.ack(batch.keys, batch.bid, "low", 60_000, [0, "s", "", 1, "s", ""]))
        assert batch.status().open
        assert batch.status().complete_at is None
    assert batch.status().state == "succeeded"


def test_a_callback_that_died_is_found(client: Shiftboss) -> None:
    batch = batch_of(client, 1)
    client.store.run(calls.ack(batch.keys, batch.bid, "low", 60_000, [0, "s", ""]))
    client.store.run(calls.finish_callback(batch.keys, batch.bid, "success", 0, "", "died", 60_000))
    assert [finding.kind for finding in examine(client=client)] == ["callback died"]


def test_what_a_crash_left_undone_is_done(client: Shiftboss) -> None:
    batch = batch_of(client, 1)
    lose(client, 1)
    client.store.run(calls.ack(batch.keys, batch.bid, "low", -1, [0, "s", ""]))
    assert examine(client=client) == []
    assert client.store.run(command("LLEN", [SidekiqKeys("sb").queue("low")], [], int)) == 1


def test_an_engine_that_cannot_say_where_jobs_are_is_named(site: Site) -> None:
    batch = Batch()
    with batch.jobs():
        site.push(1)
    (finding,) = examine()
    assert (finding.kind, finding.detail) == (
        "untraceable",
        "pending, and crew cannot be asked from here where jobs are",
    )


def test_members_whose_process_is_gone_are_orphaned(site: Site) -> None:
    client, batch = site.client, Batch().on("death", heard.note)
    with batch.jobs():
        for _ in range(3):
            site.push()
    here = client.perform(process_of(client))
    for position, process in enumerate(("gone", here)):
        assert client.store.run(calls.start(batch.keys, batch.bid, position, process, 1))
    untraceable, orphaned = examine()
    assert untraceable.kind == "untraceable", "nothing is known of the third"
    assert (orphaned.kind, orphaned.positions) == ("orphaned", (0,))
    assert orphaned.detail == "run by a process that is gone: 1"
    bury(batch.bid, orphaned.positions)
    assert batch.status().dead == 1
    assert [finding.kind for finding in examine()] == ["untraceable"]


def test_a_member_that_ended_or_was_put_back_is_nobodys_orphan(site: Site) -> None:
    client, batch = site.client, Batch()
    with batch.jobs():
        for _ in range(3):
            site.push()
    members = [Message("x", (), "low", f"j{at}", batch=Member(batch.bid, at)) for at in range(3)]
    for member in members:
        assert client.perform(starting(client, member))
    client.perform(report(client, members[0], Outcome.SUCCEEDED, None))
    client.perform(report(client, members[1], Outcome.FAILED, ValueError("again")))
    client.perform(letting_go(client, members[2]))
    assert client.store.run(calls.runs(batch.keys)) == {}
    assert [finding.kind for finding in examine()] == ["untraceable"]


def test_a_retry_that_runs_before_the_failure_is_told_stays_noted(site: Site) -> None:
    client, batch = site.client, Batch()
    with batch.jobs():
        site.push()
    first = Message("x", (), "low", "j", batch=Member(batch.bid, 0))
    again = replace(first, attempt=1)
    client.perform(starting(client, first))
    client.perform(starting(client, again))
    client.perform(report(client, first, Outcome.FAILED, ValueError("again")))
    assert client.store.run(calls.runs(batch.keys)) == {0: client.store.identity}
    assert batch.status().failing == 1
    client.perform(report(client, again, Outcome.FAILED, ValueError("and again")))
    assert client.store.run(calls.runs(batch.keys)) == {}


def test_what_is_not_wanted_or_not_there_is_not_noted(site: Site) -> None:
    store, batch = site.client.store, Batch()
    with batch.jobs():
        site.push(1)
    assert store.run(calls.start(batch.keys, batch.bid, 7, "here", 1))
    batch.invalidate()
    assert not store.run(calls.start(batch.keys, batch.bid, 0, "here", 1))
    assert store.run(calls.runs(batch.keys)) == {}
    assert store.run(calls.start(batch.keys, batch.bid, 0, "here", 0))
    assert store.run(calls.runs(batch.keys)) == {0: "here"}
    batch.delete()
    assert store.run(calls.runs(batch.keys)) == {}
    assert store.run(calls.start(batch.keys, batch.bid, 0, "here", 0))
    assert store.run(calls.runs(batch.keys)) == {}


def test_who_does_not_know_the_app_leaves_its_jobs_and_callbacks_to_its_workers(
    site: Site, new_client: Callable[..., Shiftboss]
) -> None:
    batch, stranger = Batch().on("success", heard.note), new_client()
    with batch.jobs():
        site.push(1)
    assert [finding.kind for finding in examine(client=stranger)] == ["untraceable"]
    # It decides something nevertheless, as `shiftboss batches rm` may.
    stranger.store.run(calls.ack(batch.keys, batch.bid, "low", -1, [0, "s", ""]))
    assert examine(client=stranger) == []
    assert site.client.store.run(command("LLEN", [SidekiqKeys("sb").queue("low")], [], int)) == 0
    assert site.crew.callbacks == []
    site.client.store.run(command("ZADD", [batch.keys.out], [0, f"batch|callback|{batch.bid}|success|0"], int))
    site.client.perform(reap(site.client, "here"))
    site.call_back()
    assert [status.state for _, status, _ in heard.CALLS] == ["succeeded"]


@pytest.mark.parametrize("treat", [bury, give_up])
@pytest.mark.parametrize("positions", [[3], [-1], ["0"], [0, 2**40]])
def test_a_position_that_is_no_members_is_refused(
    client: Shiftboss, treat: Callable[..., None], positions: list[int]
) -> None:
    batch = batch_of(client, 3)
    with pytest.raises(BatchError, match=f"expected positions of batch {batch.bid}, which has 3 from 0 on, got"):
        treat(batch.bid, positions, client=client)
    assert (batch.status().dead, batch.status().total) == (0, 3)
    with pytest.raises(BatchNotFound):
        treat("3f00000000000000", [0], client=client)


def test_an_unknown_batch_is_not_found(client: Shiftboss) -> None:
    with pytest.raises(BatchNotFound):
        examine("3f" + "A" * 14, client=client)
    with pytest.raises(BatchNotFound, match=r"no batch 'two\\nlines': an id is"):
        examine("two\nlines", client=client)


@pytest.mark.asyncio
async def test_coroutines_can_ask_too(client: Shiftboss) -> None:
    batch = batch_of(client, 1)
    lose(client, 1)
    assert [finding.kind for finding in await aexamine(batch.bid, client=client)] == ["lost"]
    await client.aclose()


def test_a_member_that_failed_and_then_was_lost_can_be_given_up(client: Shiftboss) -> None:
    batch = batch_of(client, 2)
    for position, code in ((0, "f"), (1, "s")):
        client.store.run(calls.ack(batch.keys, batch.bid, "low", 0, [position, code, ""]))
    lose(client, 2)
    (finding,) = examine(client=client)
    assert finding.positions == (0,)
    give_up(batch.bid, finding.positions, client=client)
    status = batch.status()
    assert (status.state, status.total, status.done, status.failing) == ("succeeded", 1, 1, 0)
    assert examine(client=client) == []
