"""What the jobs of the conformance cases do, on every engine, and what they note where the test finds it.

Each takes a key first: the case's own, under which it notes and finds its gate.
"""

from __future__ import annotations

import json
import os
from functools import cache
from typing import Any

import redis

from shiftboss import OverLimit, current_job
from shiftboss.batches import Batch, Status, current_batch, report
from shiftboss.trusted import trust

trust(__name__)
NOTES_URL = "CONFORMANCE_NOTES"
PATIENCE = 20


@cache
def _connect(url: str, pid: int) -> redis.Redis:
    return redis.Redis.from_url(url, decode_responses=True)


def board() -> redis.Redis:
    """Where notes and gates are."""
    return _connect(os.environ[NOTES_URL], os.getpid())


def put(key: str, what: Any) -> None:
    board().rpush(f"notes:{key}", json.dumps(what))


def notes(key: str) -> list[Any]:
    """What was noted under a key, in order."""
    return [json.loads(text) for text in board().lrange(f"notes:{key}", 0, -1)]  # type: ignore[union-attr]


def await_gate(key: str) -> None:
    board().blpop([f"gate:{key}"], PATIENCE)


def open_gate(key: str) -> None:
    """Let one job through that waits there."""
    board().rpush(f"gate:{key}", "open")


def note(key: str, what: Any) -> None:
    put(key, what)


def flaky(key: str) -> None:
    """Fails; runs again, waits at the gate, and succeeds."""
    if board().incr(f"runs:{key}") == 1:
        raise ValueError("not yet")
    await_gate(key)
    put(key, "got through")


def doomed(key: str) -> None:
    """Fails, and fails again."""
    put(key, "tried")
    raise ValueError("never")


def slow(key: str) -> None:
    put(key, os.getpid())
    await_gate(key)
    put(key, "ended")


def about(key: str) -> None:
    job, batch = current_job(), current_batch()
    assert job is not None
    put(key, [job.jid, job.queue, job.retry_count, batch.bid if batch else None])


def over(key: str, times: int, wait: float = 0.0) -> None:
    """Is over a limit so many times, each meaning to run again in so many seconds, and then gets through."""
    job = current_job()
    assert job is not None
    put(key, [job.jid, job.retry_count])
    if board().incr(f"runs:{key}") <= times:
        raise OverLimit("limiter 'api': no more now", "api", wait)


def heard(status: Status, options: dict[str, Any]) -> None:
    """A callback; its options say where to note what."""
    put(options["key"], options["event"])


def heard_late(status: Status, options: dict[str, Any]) -> None:
    """A callback that fails at first."""
    if board().incr(f"runs:{options['key']}") == 1:
        raise ValueError("the callback fails once")
    put(options["key"], "heard")


def heard_at_the_gate(status: Status, options: dict[str, Any]) -> None:
    """A callback that waits to be let through."""
    put(options["key"], os.getpid())
    await_gate(options["key"])
    put(options["key"], "heard")


def fork(key: str, name: str, count: int) -> None:
    """A member that adds more to its own batch."""
    from tests.engines.driver import current_driver

    batch = current_batch()
    assert batch is not None
    with Batch.open(batch.bid).jobs():
        for number in range(count):
            current_driver().push(name, key, number)


def reporting(key: str, number: int) -> None:
    """Reports what it was given, and how often it ran."""
    put(key, report({"number": number, "run": board().incr(f"runs:{key}:{number}")}))


# By name: what it does and how often it is retried.
def tick(key: str = "ticks") -> None:
    current = current_job()
    assert current is not None
    put(key, current.jid)


ACTIONS = {
    "note": (note, 0),
    "flaky": (flaky, 1),
    "doomed": (doomed, 1),
    "slow": (slow, 0),
    "about": (about, 0),
    "over": (over, 1),
    "fork": (fork, 0),
    "reporting": (reporting, 0),
    "tick": (tick, 0),
}
