"""The manifest example's work, in jobs that tell what they do: `shiftboss worker --require tests.stress.manifest_jobs`.

Each job is hashed inside a limiter, once as a block in the job and once as the job's own. Results are kept as the example
keeps them: a field of its own for each file, in a hash with a TTL. What happened goes to a file that lines are appended
to, with the clock that all processes of a machine share; see `tests.stress.trace`.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import time
from functools import cache
from pathlib import Path

import redis

from shiftboss import job, limiters
from shiftboss.batches import Status
from tests.waiting import wait_until

SIZE = 4
LOCK_TIMEOUT = 4.0
HOUR = 3_600
PAGE = 1_000

# Waits less long than a dead holder keeps its slot: so some jobs are put back, too.
inside = limiters.concurrent("stress.inside", SIZE, wait_timeout=2, lock_timeout=LOCK_TIMEOUT)
around = limiters.concurrent("stress.around", SIZE, wait_timeout=600, lock_timeout=LOCK_TIMEOUT)
LIMITERS = {"inside": inside, "around": around}

# One for all threads, from the start: a client that is dropped closes what others still use.
connection = redis.Redis.from_url(os.environ.get("SHIFTBOSS_URL", "redis://localhost"))
_numbers = itertools.count()


@job(queue="manifest", retry=5)
def hash_inside(results: str, number: int, path: str, trace: str) -> None:
    """Hash one file in a block that holds a slot."""
    with inside.within_limit() as grant:
        # In this order: if the process is frozen in between, the lease seems shorter, never longer.
        now = time.monotonic_ns()
        _hash(results, number, path, trace, now + round(grant.remaining * 1e9))


@job(queue="manifest", retry=5, limiter=around)
def hash_around(results: str, number: int, path: str, trace: str) -> None:
    """Hash one file in a job that holds a slot."""
    _hash(results, number, path, trace, time.monotonic_ns() + round(LOCK_TIMEOUT * 1e9))


JOBS = {"inside": hash_inside, "around": hash_around}


class Manifest:
    """The callback: writes the manifest, and what it does."""

    def on_success(self, status: Status, options: dict[str, str]) -> None:
        tell(options["trace"], "begin", status.bid)
        place = Path(options["output"])
        half = place.with_name(f".{place.name}.{os.getpid()}")
        half.write_text(json.dumps(list(kept(options["results"]))), encoding="utf-8")
        if "gate" in options:
            wait_until(Path(options["gate"]).exists, 120)
        half.replace(place)
        tell(options["trace"], "effect", status.bid)

    def on_complete(self, status: Status, options: dict[str, str]) -> None:
        tell(options["trace"], "complete", status.bid)


def tell(trace: str, what: str, *facts: object) -> None:
    """Append one line, at once: what was told is not lost with a process that is killed."""
    line = " ".join(map(str, [what, time.monotonic_ns(), os.getpid(), *facts]))
    os.write(_opened(trace), f"{line}\n".encode())


def kept(results: str) -> list[dict[str, object]]:
    """The results in the order of their numbers."""
    found, start = list[dict[str, object]](), 0
    while True:
        page = connection.hmget(results, [str(number) for number in range(start, start + PAGE)])
        found += [json.loads(fact) for fact in page if fact is not None]
        if None in page:
            return found
        start += PAGE


def fact_of(path: Path) -> dict[str, object]:
    """What the manifest says of a file."""
    with path.open("rb") as file:
        return {"path": str(path), "sha256": hashlib.file_digest(file, "sha256").hexdigest(), "size": file.tell()}


def _hash(results: str, number: int, path: str, trace: str, lease_ends: int) -> None:
    name = f"{os.getpid()}.{next(_numbers)}"
    tell(trace, "enter", name, lease_ends, number)
    try:
        fact = fact_of(Path(path))
        with connection.pipeline() as pipe:
            pipe.hset(results, str(number), json.dumps(fact))
            pipe.expire(results, HOUR)
            pipe.execute()
    finally:
        tell(trace, "leave", name)


@cache
def _opened(trace: str) -> int:
    return os.open(trace, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
