"""Claim: one process pushes at least 100,000 jobs per second in bulk, from a generator, in bounded memory.

The client has one core to itself, the server the other. Beside it, in the same run: what a hand-written loop reaches that
only dumps JSON and pipelines plain LPUSHes, with none of what makes a push safe (checks, receipts, one script).

    python benchmarks/push.py [jobs]
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import islice

import redis

from shiftboss import Shiftboss, job
from shiftboss.embedded import EmbeddedServer
from shiftboss.store import command

WANTED = 100_000
ROUNDS = 5


@job
def resize(path: str, width: int = 800) -> None:
    """Nothing; it is only pushed."""


def rows(count: int) -> Iterator[tuple[str, int]]:
    return ((f"images/{n}.png", n) for n in range(count))


def one_by_one(count: int) -> None:
    for path, width in rows(count):
        resize.perform_async(path, width)


def by_hand(client: redis.Redis, count: int) -> None:
    payloads = (
        json.dumps({"class": "resize", "args": row, "queue": "default", "jid": os.urandom(12).hex(), "retry": True})
        for row in rows(count)
    )
    while some := list(islice(payloads, 1_000)):
        pipeline = client.pipeline(transaction=False)
        pipeline.lpush("queue:default", *some)
        pipeline.execute()


def best(run: Callable[[], object], count: int, empty: Callable[[], object]) -> float:
    """Jobs per second of the best round."""
    seconds = []
    for _ in range(ROUNDS):
        empty()
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return count / min(seconds)


def main(count: int) -> int:
    with EmbeddedServer() as server, Shiftboss(server.url) as client:
        if hasattr(os, "sched_setaffinity"):
            os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        plain = redis.Redis.from_url(server.url)

        def empty() -> None:
            client.store.run(command("FLUSHALL", [], [], bool))

        bulk = best(lambda: resize.perform_bulk(rows(count)), count, empty)
        assert plain.llen("queue:default") == count

        async def asynchronously() -> None:
            await resize.aperform_bulk(rows(count))
            await client.aclose()

        abulk = best(lambda: asyncio.run(asynchronously()), count, empty)
        single = best(lambda: one_by_one(count // 20), count // 20, empty)
        hand = best(lambda: by_hand(plain, count), count, empty)
        empty()
        tracemalloc.start()
        ids = resize.perform_bulk(rows(count))
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        print(f"perform_bulk      {bulk:>10,.0f} jobs/s")
        print(f"aperform_bulk     {abulk:>10,.0f} jobs/s")
        print(f"perform_async     {single:>10,.0f} jobs/s, one by one")
        print(f"LPUSH by hand     {hand:>10,.0f} jobs/s")
        print(f"memory above the {len(ids):,} ids that are returned: {(peak - held) / 1e6:.1f} MB")
        print(f"wanted {WANTED:,} jobs/s: {'held' if bulk >= WANTED else 'MISSED'}")
        return int(bulk < WANTED)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else 100_000))
