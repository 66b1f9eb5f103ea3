"""Claim: acknowledging a member takes the server at most 15 times as long as a script that does nothing, and 4 times per
member where 100 travel together, however large the batch; and a job of a batch costs no call more than any job.

Server time is what `INFO commandstats` says; the script that does nothing has the same keys and arguments. Medians.

    python benchmarks/acknowledging.py [rounds]
"""

from __future__ import annotations

import shutil
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from statistics import median
from typing import Any

import redis

from shiftboss import Shiftboss, job
from shiftboss.batches import Batch, calls
from shiftboss.batches.hold import Hold
from shiftboss.embedded import EmbeddedServer, ServerBinary
from shiftboss.engines.sidekiq.worker import Worker
from shiftboss.outbox import GRACE
from shiftboss.scripts import Call, Script

SIZES = (100, 1_000_000)
CALLS = 90
ALONE, TOGETHER = 15, 4
JOBS = 5_000
NOTHING = "--[[\nDo nothing.\n\nKEYS\n  1... keys string any\nARGV\n  1... rest string any\nRETURNS\n  1\n]]\nreturn 1"
ended = threading.Semaphore(0)


@job(queue="bench")
def nothing() -> None:
    ended.release()


def batch_of(client: Shiftboss, total: int) -> Batch:
    batch = Batch()
    hold = client.perform(Hold.open(batch, "bench"))
    client.perform(hold.reserve(total))
    client.perform(hold.close())
    return batch


def acknowledgement(batch: Batch, positions: Sequence[int]) -> Call[Any]:
    outcomes = [part for position in positions for part in (position, "s", "")]
    return calls.ack(batch.keys, batch.bid, "bench", GRACE, outcomes)


def server_time(client: Shiftboss, plain: redis.Redis, some: Sequence[Call[Any]]) -> float:
    """Microseconds of the server for each of these scripts."""
    plain.config_resetstat()
    for call in some:
        client.store.run(call)
    return float(plain.info("commandstats")["cmdstat_evalsha"]["usec_per_call"])


def groups(client: Shiftboss, total: int, together: int) -> list[Call[Any]]:
    """Acknowledgements of so many at once, of members that have not ended; a full batch is followed by another."""
    found: list[Call[Any]] = []
    while len(found) < CALLS:
        batch = batch_of(client, total)
        firsts = range(0, min(total, CALLS * together) - together + 1, together)
        # The last member stays out: what an end brings about is not counted here.
        found += [acknowledgement(batch, range(first, first + together)[: total - 1 - first]) for first in firsts]
    return found[:CALLS]


def per_job(client: Shiftboss, plain: redis.Redis, push: Callable[[], None]) -> float:
    """Calls to Redis for each job, from the push to the end."""
    plain.flushall()
    push()
    plain.config_resetstat()
    with Worker(client, queues=["bench"], concurrency=5):
        for _ in range(JOBS):
            ended.acquire()
    stats = plain.info("commandstats")
    return sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "blmove")) / JOBS


def without_a_batch() -> None:
    nothing.perform_bulk(() for _ in range(JOBS))


def in_a_batch() -> None:
    with Batch().jobs():
        nothing.perform_bulk(() for _ in range(JOBS))


def main(rounds: int) -> int:
    path = shutil.which("redis-server")
    with EmbeddedServer(ServerBinary(Path(path), "PATH") if path else None) as server, Shiftboss(server.url) as client:
        plain = redis.Redis.from_url(server.url)
        script, numbers = Script("nothing", lambda _: NOTHING), count()
        print(f"Redis {plain.info('server')['redis_version']}, medians of {rounds}; microseconds of the server")
        times: dict[tuple[int, int], list[tuple[float, float]]] = {}
        for _ in range(rounds):
            for total in SIZES:
                for together in (1, 100):
                    some = groups(client, total, together)
                    same = [script.call(int, call.keys, [next(numbers), *call.args]) for call in some]
                    times.setdefault((total, together), []).append(
                        (server_time(client, plain, some), server_time(client, plain, same))
                    )
        held = True
        for (total, together), pairs in times.items():
            cost, trivial = (median(column) for column in zip(*pairs, strict=True))
            alone = median(nothing_done for _, nothing_done in times[total, 1])
            ratio, most = cost / together / alone, ALONE if together == 1 else TOGETHER
            held = held and ratio <= most
            print(
                f"{together:>4} at once, batch of {total:>9,}: {cost:7.1f}, {cost / together:5.2f} a member; "
                f"nothing {trivial:5.2f}; a member {ratio:5.1f} times a script alone that does nothing (at most {most})"
            )
        plainly = per_job(client, plain, without_a_batch)
        batched = per_job(client, plain, in_a_batch)
        print(f"calls to Redis for each job that runs: {plainly:.3f} without a batch, {batched:.3f} in one")
    return int(not held)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 7))
