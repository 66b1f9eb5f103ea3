"""Worker processes that are stopped and killed: no job is lost, and put back once."""

from __future__ import annotations

import json
import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from shiftboss import Queue, Shiftboss, on_death
from shiftboss.engines.sidekiq.sets import Failures
from shiftboss.engines.sidekiq.worker import Worker
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.integration.worker.conftest import Process
from tests.integration.worker.jobs import seen
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("embedded", "redis")
Spawn = Callable[..., Process]


def bury(backend: Backend) -> None:
    """Let the heartbeat of every process run out."""
    for name in backend.raw.smembers("processes"):
        backend.raw.delete(name)


def is_quiet(backend: Backend) -> bool:
    """Whether the one process says that it takes no more jobs."""
    (identity,) = backend.raw.smembers("processes")
    return bool(backend.raw.hget(identity, "quiet") == "true")


def queued(backend: Backend) -> int:
    return int(backend.raw.llen("queue:default"))


def test_killing_a_process_loses_no_job(
    client: Shiftboss, backend: Backend, spawn: Spawn, start: Callable[..., Worker], tmp_path: Path
) -> None:
    process, gate = spawn(concurrency=3), tmp_path / "gate"
    jobs.write.perform_bulk([(str(process.notes), str(n)) for n in range(200)])
    jobs.write_and_wait.perform_bulk([(str(process.notes), f"w{n}", str(gate)) for n in range(3)])
    jobs.write.perform_bulk([(str(process.notes), str(n)) for n in range(200, 210)])
    wait_until(lambda: sum(line.startswith("w") for line in process.lines()) == 3, what="three jobs that wait")
    process.kill()
    assert queued(backend) == 10
    bury(backend)
    gate.touch()
    rescuer = start()
    wait_until(lambda: backend.raw.get("stat:processed") == "213")
    runs = Counter(process.lines())
    assert runs.keys() == {str(n) for n in range(210)} | {"w0", "w1", "w2"}
    assert {line: count for line, count in runs.items() if count > 1} == {"w0": 2, "w1": 2, "w2": 2}
    wait_until(lambda: backend.raw.smembers("processes") == {rescuer.identity})
    assert not backend.raw.keys("sb:inflight:*")


def test_a_process_that_beats_is_left_alone(
    client: Shiftboss, backend: Backend, spawn: Spawn, start: Callable[..., Worker], tmp_path: Path
) -> None:
    process = spawn()
    jobs.write_and_wait.perform_async(str(process.notes), "w", str(tmp_path / "gate"))
    wait_until(process.lines)
    rescuer = start("other")
    rounds = rescuer.rescuer.rounds.listen()
    rescuer.rescuer.nudge()
    rounds(5)
    assert queued(backend) == 0
    (tmp_path / "gate").touch()
    wait_until(lambda: backend.raw.get("stat:processed") == "1")


def test_jobs_of_the_dead_go_back_in_their_order(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    jobs.note.perform_bulk([(n,) for n in range(4)])
    backend.raw.sadd("sb:workers", "host:1:dead")
    for _ in range(2):
        backend.raw.lmove("queue:default", "sb:inflight:host:1:dead", "RIGHT", "LEFT")
    rescuer = start("other")
    wait_until(lambda: queued(backend) == 4)
    assert [json.loads(raw)["args"] for raw in reversed(backend.raw.lrange("queue:default", 0, -1))] == [
        [0],
        [1],
        [2],
        [3],
    ]
    wait_until(lambda: backend.raw.smembers("processes") == {rescuer.identity})


def test_a_process_that_was_struck_off_the_list_is_remembered(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    rescuer, worker = start("other"), start()
    rounds = rescuer.rescuer.rounds.listen()
    rescuer.rescuer.nudge()
    rounds(5)
    jobs.hold.perform_async("slow")
    wait_until(lambda: seen)
    worker.heartbeat.stop()
    worker.fetcher.stop()
    # As Ruby's dashboard does with a process that does not beat.
    backend.raw.srem("processes", worker.identity)
    backend.raw.delete(worker.identity)
    rescuer.rescuer.nudge()
    wait_until(lambda: queued(backend) == 1)


def test_who_takes_a_job_is_listed_even_if_it_was_struck_off(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start()
    backend.raw.delete("sb:workers")
    jobs.note.perform_async("taken")
    wait_until(lambda: seen)
    assert backend.raw.smembers("sb:workers") == {worker.identity}


def test_a_job_that_kills_its_processes_goes_to_the_dead(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start("other")
    rescued = worker.rescuer.rescued.listen()
    jobs.note.perform_async("poison")
    for attempt in range(3):
        dead = f"host:{attempt}:dead"
        backend.raw.sadd("sb:workers", dead)
        backend.raw.lmove("queue:default", f"sb:inflight:{dead}", "RIGHT", "LEFT")
        worker.rescuer.nudge()
        assert rescued(5) == dead
        assert queued(backend) == (0 if attempt == 2 else 1)
    (raw,) = backend.raw.zrange("dead", 0, -1)
    assert json.loads(raw)["error_class"] == "PoisonPill"
    assert backend.raw.get("stat:failed") == "1"


def test_who_wants_to_hear_of_deaths_hears_of_what_a_dead_process_held(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    told = on_death(lambda job, error: seen.append((job and job.jid, str(error))))
    try:
        jid = jobs.Stubborn.perform_async("poison")
        backend.raw.set(f"sb:recovered:{jid}", 2, ex=60)
        backend.raw.sadd("sb:workers", "host:1:dead")
        backend.raw.lmove("queue:default", "sb:inflight:host:1:dead", "RIGHT", "LEFT")
        backend.raw.lpush("sb:inflight:host:1:dead", "not json{")
        start("other")
        wait_until(lambda: len(seen) == 3, what="all to be told")
        reason = "3 processes died while they ran it"
        assert {(jid, reason), (jid, f"JobError({reason!r})")} < set(seen)
        assert any(job is None and "not JSON" in error for job, error in seen)
        assert {failure.message for failure in Failures()} > {reason}
    finally:
        on_death.remove(told)


def test_term_lets_a_short_job_end(client: Shiftboss, backend: Backend, spawn: Spawn, tmp_path: Path) -> None:
    process, gate = spawn(), tmp_path / "gate"
    jobs.write_and_wait.perform_async(str(process.notes), "w", str(gate))
    wait_until(process.lines)
    process.send(signal.SIGTERM)
    wait_until(lambda: is_quiet(backend), what="the stop to have begun")
    jobs.write.perform_async(str(process.notes), "not any more")
    gate.touch()
    assert process.wait() == 0
    assert process.lines() == ["w"]
    assert queued(backend) == 1
    assert backend.raw.get("stat:processed") == "1"
    assert not backend.raw.exists("processes")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_puts_back_what_does_not_end_exactly_once(
    client: Shiftboss, backend: Backend, spawn: Spawn, tmp_path: Path, number: signal.Signals
) -> None:
    process = spawn(timeout=0.1)
    for n in range(2):
        jobs.write_and_wait.perform_async(str(process.notes), str(n), str(tmp_path / "never"))
    wait_until(lambda: len(process.lines()) == 2)
    jobs.note.perform_async("behind")
    process.send(number)
    assert process.wait() == 0
    waiting = [json.loads(raw) for raw in reversed(backend.raw.lrange("queue:default", 0, -1))]
    assert [job["class"] for job in waiting] == ["write_and_wait", "write_and_wait", "note"]
    assert not backend.raw.exists("processes", "stat:processed", "retry")
    assert not backend.raw.keys("sb:inflight:*")


def test_a_child_process_that_a_job_forked_is_no_worker(client: Shiftboss, backend: Backend, spawn: Spawn) -> None:
    process = spawn()
    jobs.fork.perform_bulk([(str(process.notes), how) for how in ("return", "exit", "raise")])
    wait_until(lambda: backend.raw.get("stat:processed") == "3", what="all jobs to have ended")
    ends = {"return 0", "exit 3", "raise 1"}
    assert Counter(process.lines()) == Counter([*ends, "child return", "child exit", "child raise"])
    assert not backend.raw.exists("stat:failed", "dead")


def test_a_signal_to_a_child_process_of_a_job_is_not_the_workers(
    client: Shiftboss, backend: Backend, spawn: Spawn
) -> None:
    process = spawn(concurrency=1)
    for _ in range(5):
        jobs.end_child.perform_async(str(process.notes))
    wait_until(lambda: len(process.lines()) == 5, what="the jobs")
    assert set(process.lines()) == {f"child {-signal.SIGTERM}"}
    jobs.write.perform_async(str(process.notes), "it goes on")
    wait_until(lambda: process.lines()[-1] == "it goes on")
    process.send(signal.SIGTERM)
    assert process.wait() == 0


def test_a_second_term_ends_at_once_and_loses_nothing(
    client: Shiftboss, backend: Backend, spawn: Spawn, start: Callable[..., Worker], tmp_path: Path
) -> None:
    process, gate = spawn(timeout=60.0), tmp_path / "gate"
    jobs.write_and_wait.perform_async(str(process.notes), "w", str(gate))
    wait_until(process.lines)
    process.send(signal.SIGTERM)
    wait_until(lambda: is_quiet(backend), what="the stop to have begun")
    process.send(signal.SIGTERM)
    assert process.wait() == 1
    (identity,) = backend.raw.smembers("processes")
    assert backend.raw.llen(f"sb:inflight:{identity}") == 1
    bury(backend)
    gate.touch()
    start()
    wait_until(lambda: process.lines() == ["w", "w"])


def test_tstp_quiets_and_usr1_shows_stacks(
    client: Shiftboss, backend: Backend, spawn: Spawn, tmp_path: Path, log_of: Callable[[], str]
) -> None:
    process, gate = spawn(), tmp_path / "gate"
    jobs.write_and_wait.perform_async(str(process.notes), "w", str(gate))
    wait_until(process.lines, what="the job to have begun")
    process.send(signal.SIGUSR1)
    wait_until(lambda: "in write_and_wait" in log_of(), what="the stacks")
    process.send(signal.SIGTSTP)
    wait_until(lambda: is_quiet(backend), what="the process to be quiet")
    jobs.write.perform_async(str(process.notes), "not taken")
    gate.touch()
    wait_until(lambda: backend.raw.get("stat:processed") == "1", what="the job to have ended")
    assert queued(backend) == 1
    process.send(signal.SIGTERM)
    assert process.wait() == 0


def test_a_stop_interrupts_coroutines(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    worker = start(timeout=0.1)
    jobs.ahold.perform_async("c")
    wait_until(lambda: seen)
    worker.stop()
    assert queued(backend) == 1
    assert not backend.raw.exists("retry", "stat:processed", "processes")


def test_a_coroutine_that_a_stop_interrupts_cleans_up_before_its_job_is_put_back(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start(timeout=0.1)
    jobs.careful.perform_async("c")
    wait_until(lambda: seen)
    worker.stop()
    assert seen == ["c", ("cleaned up", 0)]
    assert queued(backend) == 1


def test_a_queue_that_was_cleared_is_listed_again_with_what_returns_to_it(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start(timeout=0.1)
    jobs.hold.perform_async("on it")
    wait_until(lambda: seen)
    Queue().clear()
    worker.stop()
    assert [queue.name for queue in Queue.all()] == ["default"]
    Queue().clear()
    jobs.note.perform_async("held by the dead")
    backend.raw.sadd("sb:workers", "host:1:dead")
    backend.raw.lmove("queue:default", "sb:inflight:host:1:dead", "RIGHT", "LEFT")
    Queue().clear()
    start("other")
    (queue,) = wait_until(Queue.all, what="the queue to be listed")
    assert len(queue) == 1


def test_what_had_begun_when_its_worker_stopped_does_not_expire(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start(timeout=0.1)
    jobs.hold.set(expires_in=60, tags=["kept"]).perform_async(2**70)
    wait_until(lambda: seen)
    worker.stop()
    (job,) = map(json.loads, backend.raw.lrange("queue:default", 0, -1))
    assert "expiry" not in job
    assert (job["args"], job["tags"], type(job["enqueued_at"])) == ([2**70], ["kept"], int)
    assert not backend.raw.keys("sb:inflight:*")


def test_what_a_dead_process_held_does_not_expire(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    jobs.note.set(expires_in=60).perform_bulk([(n,) for n in range(3)])
    backend.raw.sadd("sb:workers", "host:1:dead")
    for _ in range(2):
        backend.raw.lmove("queue:default", "sb:inflight:host:1:dead", "RIGHT", "LEFT")
    rescuer = start("other")
    wait_until(lambda: queued(backend) == 3)
    waiting = [json.loads(raw) for raw in reversed(backend.raw.lrange("queue:default", 0, -1))]
    assert [(job["args"], "expiry" in job) for job in waiting] == [([0], False), ([1], False), ([2], True)]
    wait_until(lambda: backend.raw.smembers("processes") == {rescuer.identity})


def test_a_stop_puts_back_what_a_lost_reply_had_taken(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    worker = start()
    worker.fetcher.stop()
    jobs.note.perform_async("stray")
    backend.raw.lmove("queue:default", f"sb:inflight:{worker.identity}", "RIGHT", "LEFT")
    worker.stop()
    assert queued(backend) == 1
    assert not backend.raw.exists("processes")
