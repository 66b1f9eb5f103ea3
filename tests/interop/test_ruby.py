"""Ruby's Sidekiq and ours on the same queues."""

from __future__ import annotations

import json
import subprocess
import time
import urllib.request
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from shiftboss import DeadSet, ProcessSet, RetrySet, ScheduledSet, Shiftboss, Stats, Workers
from shiftboss.batches import Batch
from shiftboss.engines.sidekiq.worker import Worker
from tests.backends import Backend
from tests.interop import jobs
from tests.interop.conftest import Ruby
from tests.waiting import wait_until

pytestmark = [pytest.mark.backends("embedded", "redis"), pytest.mark.own_keys]
Notes = Callable[[], list[Any]]
Start = Callable[..., Worker]


def hurry(backend: Backend, name: str) -> None:
    """Make all that waits in a set due."""
    for raw in backend.raw.zrange(name, 0, -1):
        backend.raw.zadd(name, {raw: 1})


def test_ruby_runs_what_python_pushed(
    client: Shiftboss, backend: Backend, sidekiq: subprocess.Popen[bytes], notes: Notes
) -> None:
    now = jobs.Note.perform_async("a", {"deep": [1, None, 1.5]}, 2**53 + 1)
    later = jobs.Note.perform_in(0.2, "b")
    bulk = jobs.Note.perform_bulk([(n,) for n in range(5)])
    wait_until(lambda: len(notes()) == 7, timeout=30, what="Ruby to run them")
    found = {jid: args for _, jid, args in notes()}
    assert found[now] == ["a", {"deep": [1, None, 1.5]}, 2**53 + 1]
    assert found[later] == ["b"]
    assert [found[jid] for jid in bulk] == [[n] for n in range(5)]


def test_ruby_retries_what_python_pushed_and_python_reads_it(
    client: Shiftboss, backend: Backend, sidekiq: subprocess.Popen[bytes], notes: Notes
) -> None:
    jid = jobs.Fail.perform_async("no")
    entry = wait_until(lambda: RetrySet().find(jid), timeout=20, what="Ruby's retry")
    assert (entry.name, entry.args, entry.retry_count) == ("Fail", ("no",), 0)
    assert (entry.error_class, entry.error_message) == ("ArgumentError", "no")
    assert entry.failed_at is not None
    assert abs((datetime.now(UTC) - entry.failed_at).total_seconds()) < 60, "Ruby's float seconds are read"
    for tries in (2, 3, 4):
        wait_until(lambda: len(RetrySet()) == 1, timeout=20, what="the next retry")
        hurry(backend, "retry")
        wait_until(lambda tries=tries: len(notes()) == tries, timeout=20, what="another try in Ruby")  # type: ignore[misc]
    dead = wait_until(lambda: DeadSet().find(jid), timeout=20, what="its death")
    assert dead.retry_count == 3


def test_python_moves_what_ruby_left_to_be_retried(
    client: Shiftboss, backend: Backend, sidekiq: subprocess.Popen[bytes], notes: Notes, start: Start
) -> None:
    jid = jobs.Fail.perform_async("no")
    wait_until(lambda: RetrySet().find(jid), timeout=20, what="Ruby's retry")
    sidekiq.terminate()
    sidekiq.wait(15)
    start()
    hurry(backend, "retry")
    (raw,) = wait_until(lambda: backend.raw.lrange("queue:ruby", 0, -1), what="Python to put it into its queue")
    assert (json.loads(raw)["jid"], json.loads(raw)["retry_count"]) == (jid, 0)


def test_python_runs_what_ruby_pushed(client: Shiftboss, ruby: Ruby, start: Start, notes: Notes) -> None:
    start()
    now = ruby("push", "python", "a", {"deep": [1]}, 2**53 + 1)
    later = ruby("push_in", 0.2, "b")
    bulk = ruby("push_bulk", [[n] for n in range(5)])
    wait_until(lambda: len(notes()) == 7, what="Python to run them")
    found = {jid: args for _, jid, args in notes()}
    assert (found[now], found[later]) == (["a", {"deep": [1]}, 2**53 + 1], ["b"])
    assert [found[jid] for jid in bulk] == [[n] for n in range(5)]


def test_a_push_of_ruby_wakes_an_idle_python_worker_on_each_queue(
    client: Shiftboss, ruby: Ruby, start: Start, notes: Notes
) -> None:
    start("first", "second", "third")
    waited = []
    for count, queue in enumerate(("first", "second", "third"), 1):
        began = time.monotonic()
        ruby("push", queue, queue)
        wait_until(lambda count=count: len(notes()) == count, timeout=5, what=f"the job of {queue}")  # type: ignore[misc]
        waited.append(time.monotonic() - began)
    # A worker that polled would be ten seconds late; this machine may be a little.
    assert max(waited) < 5


def test_ruby_reads_what_python_retries_and_buries(
    client: Shiftboss, backend: Backend, ruby: Ruby, start: Start
) -> None:
    start()
    jid = jobs.python_fail.perform_async("no")
    buried = jobs.python_fail.set(retry=0).perform_async("dead")
    later = jobs.python_note.perform_in(1000, 1)
    wait_until(lambda: len(RetrySet()) == len(DeadSet()) == 1, what="both to fail")
    (retry,) = ruby("set", "retry")
    assert (retry["jid"], retry["class"], retry["args"], retry["queue"]) == (jid, "PythonFail", ["no"], "python")
    assert (retry["error_class"], retry["retry_count"]) == ("ValueError", 0)
    assert 10 < retry["at"] - time.time() < 40
    (dead,) = ruby("set", "dead")
    assert (dead["jid"], dead["error_class"]) == (buried, "ValueError")
    (scheduled,) = ruby("set", "schedule")
    assert scheduled["jid"] == later
    stats = ruby("stats")
    assert (stats["processed"], stats["failed"]) == (2, 2) == (Stats.read().processed, Stats.read().failed)
    ruby("retry_all", "dead")
    wait_until(lambda: Stats.read().processed == 3, what="Ruby's revival to run")


def test_each_side_sees_the_others_processes_and_jobs(
    client: Shiftboss, backend: Backend, ruby: Ruby, sidekiq: subprocess.Popen[bytes], start: Start
) -> None:
    worker = start()
    jid = jobs.python_hold.perform_async("x")
    wait_until(lambda: backend.raw.llen("test:notes") == 1, what="the job to begin")
    worker.heartbeat.nudge()
    wait_until(lambda: len(Workers()), what="the heartbeat to show it")
    seen = {one["identity"]: one for one in ruby("processes")}
    assert (seen[worker.identity]["busy"], seen[worker.identity]["queues"]) == (1, ["python"])
    ((process, _, queue, payload),) = ruby("work")
    payload = json.loads(payload) if isinstance(payload, str) else payload
    assert (process, queue, payload["jid"]) == (worker.identity, "python", jid)
    theirs = next(one for one in ProcessSet() if one.identity != worker.identity)
    assert (theirs.info["pid"], theirs.queues, theirs.concurrency) == (sidekiq.pid, ("ruby",), 3)
    ruby("quiet")
    worker.heartbeat.nudge()
    wait_until(lambda: next(one for one in ProcessSet() if one.identity == worker.identity).quiet, what="ours to rest")


def test_sidekiqs_web_pages_show_the_python_worker_busy(
    client: Shiftboss, backend: Backend, web: str, start: Start
) -> None:
    worker = start()
    jid = jobs.python_hold.perform_async("<b>x</b>")
    jobs.python_fail.perform_async("no way")
    wait_until(lambda: len(RetrySet()) == 1 and backend.raw.llen("test:notes") == 2, what="both jobs to begin")
    worker.heartbeat.nudge()
    wait_until(lambda: len(Workers()), what="the heartbeat to show it")
    busy = read(f"{web}/busy")
    assert worker.identity in busy
    assert jid in busy
    assert "PythonHold" in busy
    assert "no way" in read(f"{web}/retries")
    assert "python" in read(f"{web}/queues")


def read(address: str) -> str:
    with urllib.request.urlopen(address, timeout=20) as page:
        return str(page.read().decode())


@pytest.mark.parametrize("times", [(1_700_000_000.25, 1_700_000_001.5), (1_700_000_000_250, 1_700_000_001_500)])
def test_times_are_read_in_seconds_and_in_milliseconds(client: Shiftboss, backend: Backend, times: Any) -> None:
    created, failed = times
    job = {"class": "Note", "args": [], "queue": "ruby", "jid": "ab" * 12, "retry": True, "retry_count": 0}
    backend.raw.zadd("retry", {json.dumps({**job, "created_at": created, "failed_at": failed}): 5_000_000_000})
    (entry,) = RetrySet()
    assert entry.created_at == datetime.fromtimestamp(1_700_000_000.25, UTC)
    assert entry.failed_at == datetime.fromtimestamp(1_700_000_001.5, UTC)


def test_a_member_that_ruby_moves_is_counted_when_python_runs_it(
    client: Shiftboss, backend: Backend, sidekiq: subprocess.Popen[bytes], start: Start
) -> None:
    batch = Batch()
    with batch.jobs():
        jobs.python_note.perform_in(0.2, "member")
    wait_until(lambda: backend.raw.llen("queue:python") == 1, timeout=30, what="Ruby to put it into its queue")
    start()
    wait_until(lambda: batch.status().done == 1, what="the member to be counted")
    assert len(ScheduledSet()) == 0


def test_ruby_counts_the_members_that_it_runs(
    client: Shiftboss, backend: Backend, sidekiq: subprocess.Popen[bytes], notes: Notes, start: Start
) -> None:
    batch = Batch(callback_queue="python").on("complete", jobs.ended).on("death", jobs.ended)
    with batch.jobs():
        jobs.Note.perform_async("member")
        jobs.Fail.set(retry=0).perform_async("dies")
    wait_until(lambda: (status := batch.status()).done == status.dead == 1, timeout=20, what="Ruby to count both")
    start()
    wait_until(lambda: len([note for note in notes() if note[1] == "ended"]) == 2, timeout=30, what="the callbacks")
