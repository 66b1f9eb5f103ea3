"""`Queue`, `ScheduledSet`, `RetrySet`, `DeadSet`: finding jobs and changing them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shiftboss import DeadSet, JobError, Queue, RetrySet, ScheduledSet, Shiftboss, job
from shiftboss.batches import Batch, enqueue_after
from shiftboss.engines.sidekiq.sets import Entry
from shiftboss.errors import ConfigError
from shiftboss.jobs import PREREQUISITE_DIED, TOLD, Message, Outcome
from shiftboss.plan import Plan
from tests.backends import Backend

pytestmark = pytest.mark.backends("fake", "embedded", "redis", "acl")
JID = "ab12cd34ab12cd34ab12cd34"


@job(name="noted")
def noted(what: Any) -> None:
    """Nothing."""


def failed(backend: Backend, jid: str = JID, at: float = 5_000_000_000, where: str = "retry", count: int = 3) -> str:
    raw = (
        f'{{"class":"noted","args":[7],"queue":"low","jid":"{jid}","retry":true,"created_at":1.5,"retry_count":{count},'
        f'"failed_at":1700000000.25,"error_class":"ValueError","error_message":"no"}}'
    )
    backend.raw.zadd(where, {raw: at})
    return raw


def test_a_queue_is_read_newest_first(client: Shiftboss) -> None:
    noted.perform_bulk([(n,) for n in range(250)])
    queue = Queue()
    assert [entry.args[0] for entry in queue] == list(range(249, -1, -1))
    assert len(queue) == 250
    assert [entry.args[0] for entry in queue.page(10, 2)] == [239, 238]
    assert 0 <= queue.latency() < 60


def test_jobs_may_be_deleted_and_pushed_on_the_way(client: Shiftboss) -> None:
    noted.perform_bulk([(n,) for n in range(450)])
    met = []
    for entry in Queue():
        met.append(entry.args[0])
        assert entry.delete()
        if len(met) % 50 == 0:
            noted.perform_async(1000 + len(met))
    assert sorted(n for n in met if n < 1000) == list(range(450))
    assert not any(entry.args[0] < 1000 for entry in Queue())


def test_a_job_is_found_by_its_id(client: Shiftboss, backend: Backend) -> None:
    jids = noted.perform_bulk([(n,) for n in range(120)])
    entry = Queue().find(jids[3])
    assert entry is not None
    assert (entry.jid, entry.name, entry.args, entry.queue) == (jids[3], "noted", (3,), "default")
    failed(backend)
    found = RetrySet().find(JID)
    assert found is not None
    assert (found.retry_count, found.error_class, found.error_message) == (3, "ValueError", "no")
    assert found.failed_at == datetime.fromtimestamp(1700000000.25, UTC)
    assert found.at == datetime.fromtimestamp(5_000_000_000, UTC)
    for wrong in ("*", "[", "x"):
        assert RetrySet().find(wrong) is None
        assert Queue().find(wrong) is None


def test_all_queues_and_sets_can_be_cleared(client: Shiftboss, backend: Backend) -> None:
    noted.perform_async(1)
    noted.set(queue="low").perform_bulk([(1,), (2,)])
    noted.perform_in(60, 1)
    failed(backend)
    failed(backend, where="dead")
    assert [(queue.name, len(queue)) for queue in Queue.all()] == [("default", 1), ("low", 2)]
    assert [queue.clear() for queue in Queue.all()] == [1, 2]
    assert [place.clear() for place in (ScheduledSet(), RetrySet(), DeadSet())] == [1, 1, 1]
    assert Queue.all() == []
    assert ScheduledSet().clear() == 0
    assert backend.raw.keys("*") == [name for name in backend.raw.keys("*") if ":pushed:" in name]


def test_retry_does_not_count_the_try(client: Shiftboss, backend: Backend) -> None:
    failed(backend)
    entry = RetrySet().find(JID)
    assert entry is not None
    assert entry.retry()
    assert not entry.retry(), "it is gone"
    ((moved),) = Queue("low")
    assert (moved.jid, moved.retry_count, len(RetrySet())) == (JID, 2, 0)
    assert moved.enqueued_at is not None


def test_what_is_run_again_by_hand_does_not_expire(client: Shiftboss) -> None:
    jid = noted.set(expires_in=60).perform_in(3600, 1)
    (scheduled,) = ScheduledSet()
    assert scheduled.kill()
    (dead,) = DeadSet()
    assert dead.options["expiry"] > 0
    assert dead.retry()
    (waiting,) = Queue()
    assert (waiting.jid, "expiry" in waiting.options) == (jid, False)


def test_a_job_goes_to_another_queue(client: Shiftboss) -> None:
    noted.perform_async(1)
    (entry,) = Queue()
    assert entry.requeue("high")
    assert not entry.requeue("high")
    assert [[one.jid for one in Queue(name)] for name in ("default", "high")] == [[], [entry.jid]]


@pytest.mark.parametrize("queue", ["", "low,3", "a b", "a\nb", "x" * 200])
def test_a_job_goes_to_no_queue_that_nobody_can_serve(client: Shiftboss, queue: str) -> None:
    jid = noted.perform_async(1)
    (entry,) = Queue()
    with pytest.raises(JobError, match="expected queue to be 1 to 128 characters without spaces or commas, got"):
        entry.requeue(queue)
    assert [one.jid for one in Queue()] == [jid]


def test_kill_moves_a_job_to_the_dead(client: Shiftboss, backend: Backend) -> None:
    jid = noted.perform_async(1)
    (waiting,) = Queue()
    failed(backend)
    assert waiting.kill()
    assert not waiting.kill()
    assert RetrySet().kill_all() == 1
    assert sorted(entry.jid for entry in DeadSet()) == sorted([jid, JID])
    assert DeadSet().retry_all() == 2
    assert (len(DeadSet()), len(Queue()), len(Queue("low"))) == (0, 1, 1)


def test_a_killed_member_has_died_to_its_batch(client: Shiftboss) -> None:
    batch = Batch()
    with batch.jobs():
        noted.perform_async(1)
    (entry,) = Queue()
    assert entry.bid == batch.bid
    assert entry.kill()
    assert batch.status().dead == 1


@pytest.mark.parametrize("where", [Queue, ScheduledSet])
def test_to_jobs_that_were_to_run_after_a_killed_one_it_has_died(client: Shiftboss, where: Any) -> None:
    jid = noted.set(track=True).perform_in(3600 if where is ScheduledSet else 0, 1)
    enqueue_after([jid], noted.set(queue="after").call("after"))
    assert where().find(jid).kill()
    (waiting,) = Queue("after")
    assert PREREQUISITE_DIED in waiting.options


def test_to_those_that_wait_for_them_all_jobs_that_are_killed_have_died(client: Shiftboss) -> None:
    jids = [noted.set(track=True).perform_in(3600, n) for n in range(2)]
    for jid in jids:
        enqueue_after([jid], noted.set(queue="after").call(jid))
    assert ScheduledSet().kill_all() == 2
    assert sorted(entry.args[0] for entry in Queue("after")) == sorted(jids)


def test_to_its_schedule_a_killed_job_has_died(client: Shiftboss, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Any] = []

    def finished(message: Message, outcome: Outcome, error: BaseException | None) -> Plan[None]:
        told.append((message.id, outcome, str(error)))
        yield from ()

    monkeypatch.setattr(client.extensions["periodic"], "finished", finished)
    call = replace(noted.call(1), options={TOLD: ["main", "nightly"]})
    client.perform(client.push([call]))
    (entry,) = Queue()
    assert entry.kill()
    assert told == [(call.id, Outcome.DIED, "killed by hand")]


def test_a_scheduled_job_is_moved_in_time(client: Shiftboss) -> None:
    noted.perform_in(3600, 1)
    (entry,) = ScheduledSet()
    then = datetime.now(UTC) + timedelta(days=3)
    assert entry.reschedule(then)
    (moved,) = ScheduledSet()
    assert moved.at is not None
    assert abs(moved.at - then) < timedelta(seconds=1)
    assert moved.delete()
    assert not moved.reschedule(60)
    assert len(ScheduledSet()) == 0
    noted.perform_async(1)
    (queued,) = Queue()
    with pytest.raises(JobError, match="only scheduled and failed jobs have a time"):
        queued.reschedule(60)


def test_what_cannot_be_read_is_shown_and_can_be_deleted(client: Shiftboss, backend: Backend) -> None:
    backend.raw.zadd("dead", {"not json{": 1})
    failed(backend, where="dead")
    broken = next(entry for entry in DeadSet() if entry.payload is None)
    assert (broken.raw, broken.jid, broken.to_dict()["raw"]) == (b"not json{", "", "not json{")
    with pytest.raises(JobError, match="cannot be read"):
        broken.retry()
    assert DeadSet().retry_all() == 1
    assert broken.delete()
    assert len(DeadSet()) == 0


def test_sets_are_read_in_order_whole(client: Shiftboss, backend: Backend) -> None:
    for n in range(130):
        failed(backend, f"{n:024x}", at=1000 + n)
        failed(backend, f"{n:024x}", at=1000 + n, where="dead")
    assert [int(entry.jid, 16) for entry in RetrySet()] == list(range(130))
    assert [int(entry.jid, 16) for entry in DeadSet()] == list(range(129, -1, -1))
    assert RetrySet().retry_all() == 130
    assert len(Queue("low")) == 130


def test_a_pause_is_said_once(client: Shiftboss) -> None:
    queue = Queue("low")
    assert [queue.pause(), queue.pause(), queue.is_paused(), queue.resume(), queue.resume(), queue.is_paused()] == [
        True,
        False,
        True,
        True,
        False,
        False,
    ]


def test_a_queue_needs_a_name() -> None:
    with pytest.raises(ConfigError, match="expected a queue name"):
        Queue("a b")


@pytest.mark.asyncio
async def test_coroutines_can_do_the_same(aclient: Shiftboss, backend: Backend) -> None:
    await noted.aperform_bulk([(n,) for n in range(3)])
    failed(backend)
    (queue,) = await Queue.aall()
    entries: list[Entry] = [entry async for entry in queue]
    assert [entry.args for entry in entries] == [(2,), (1,), (0,)]
    assert await entries[0].adelete()
    assert await entries[1].akill()
    assert await entries[2].arequeue("high")
    assert [await place.acount() for place in (queue, Queue("high"), DeadSet())] == [0, 1, 1]
    found = await RetrySet().afind(JID)
    assert found is not None
    assert await found.areschedule(1)
    assert await found.aretry()
    assert await DeadSet().aretry_all() == 1
    assert await queue.aclear() == 1
    assert await queue.apause()
    assert await queue.ais_paused()
    assert await queue.aresume()
    assert await queue.alatency() == 0
    assert len(await Queue("low").apage(0, 5)) == 1
    assert await RetrySet().akill_all() == 0
    await asyncio.sleep(0)


def test_a_job_of_a_set_is_found_where_it_was_last_seen_or_elsewhere(client: Shiftboss, backend: Backend) -> None:
    failed(backend, at=1_700_000_000.123456)
    [entry] = RetrySet().page(0, 1)
    for at in (entry.at, datetime(2001, 1, 1, tzinfo=UTC), None):
        found = RetrySet().find(JID, at=at)
        assert found is not None
        assert found.raw == entry.raw
    assert RetrySet().find("nobody", at=entry.at) is None


def test_a_job_of_a_queue_is_found_near_its_place_or_elsewhere(client: Shiftboss) -> None:
    jids = noted.perform_bulk([(n,) for n in range(600)])
    for near in (0, 599, 300, 10_000):
        found = Queue().find(jids[0], near=near)
        assert found is not None
        assert found.args == (0,)


def test_jobs_are_found_by_a_text_whatever_its_case(client: Shiftboss, backend: Backend) -> None:
    failed(backend)
    backend.raw.zadd("retry", {'{"class":"a*b[c]","args":[],"queue":"low","jid":"x"}': 1})
    for text in ("valueERROR", "ab12CD", "no", '"args":[7]'):
        entries, cursor = RetrySet().scan(text)
        assert ([entry.jid for entry in entries], cursor) == ([JID], "")
    assert [entry.jid for entry in RetrySet().scan("A*B[C]")[0]] == ["x"]
    assert RetrySet().scan("a?b")[0] == []


def test_a_search_goes_on_from_its_cursor(client: Shiftboss, backend: Backend) -> None:
    for n in range(3_000):
        backend.raw.zadd("dead", {f'{{"class":"noted","args":[{n}],"queue":"low","jid":"j{n}"}}': n})
    found, cursor, calls = set[str](), "", 0
    while not calls or cursor:
        entries, cursor = asyncio.run(_scan(client, cursor))
        found |= {entry.jid for entry in entries}
        calls += 1
    assert len(found) == 3_000


async def _scan(client: Shiftboss, cursor: str) -> tuple[list[Entry], str]:
    found = await DeadSet(client=client).ascan("noted", cursor)
    await client.aclose()
    return found
