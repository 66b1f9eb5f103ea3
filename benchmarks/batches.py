"""Claim: a batch is pushed at 20 times the members per second of a Celery group with a chord callback at least, and in 1.3
times the time at most that the same jobs take without a batch.

All push to one Redis, in the same run, one after the other in each round; figures are medians. A peer that is not
installed is left out (`pip install 'shiftboss[bench]'`). The peers push fewer members, for their pace does not depend on
the number.

    python benchmarks/batches.py [members [rounds]]
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from statistics import median

import redis

from shiftboss import Shiftboss, job
from shiftboss.batches import Batch

PEER_MEMBERS = 2_000
WANTED_RATIO, WANTED_LEAD = 1.3, 20
Push = Callable[[int], None]


@job(queue="bench")
def nothing() -> None:
    """It is only pushed."""


@job(queue="bench")
def called_back(bid: str, options: dict[str, object]) -> None:
    """As a callback."""


def plainly(count: int) -> None:
    nothing.perform_bulk(() for _ in range(count))


def as_a_batch(count: int) -> None:
    batch = Batch().on("success", called_back)
    with batch.jobs():
        nothing.perform_bulk(() for _ in range(count))


def as_a_batch_one_by_one(count: int) -> None:
    batch = Batch().on("success", called_back)
    with batch.jobs():
        for _ in range(count):
            nothing.perform_async()


def no_op() -> None:
    """A peer's member."""


def take_results(results: object) -> None:
    """A peer's callback."""


def celery_chord(url: str) -> Push:
    import celery

    app = celery.Celery("bench", broker=url, backend=url)
    member, body = app.task(no_op, name="bench.member"), app.task(take_results, name="bench.body")
    return lambda count: celery.chord(celery.group(member.s() for _ in range(count)))(body.s())


def dramatiq_group(url: str) -> Push:
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker
    from dramatiq.middleware import GroupCallbacks
    from dramatiq.rate_limits.backends import RedisBackend

    broker = RedisBroker(url=url)
    broker.add_middleware(GroupCallbacks(RedisBackend(url=url)))
    dramatiq.set_broker(broker)
    member = dramatiq.actor(no_op, actor_name="member", broker=broker)
    body = dramatiq.actor(no_op, actor_name="body", broker=broker)

    def push(count: int) -> None:
        group = dramatiq.group([member.message() for _ in range(count)], broker=broker)
        group.add_completion_callback(body.message())
        group.run()

    return push


def rq_dependency(url: str) -> Push:
    import rq
    from rq.job import Dependency

    queue = rq.Queue("bench", connection=redis.Redis.from_url(url))

    def push(count: int) -> None:
        jobs = queue.enqueue_many([rq.Queue.prepare_data("time.time") for _ in range(count)])
        queue.enqueue("time.time", depends_on=Dependency(jobs=jobs))

    return push


def huey_chord(url: str) -> Push:
    import huey

    app = huey.RedisHuey("bench", url=url)
    member, body = app.task(name="member")(no_op), app.task(name="body")(take_results)
    return lambda count: app.enqueue(huey.chord([member.s() for _ in range(count)], body.s()))


PEERS = {
    "celery": ("Celery group with a chord callback", celery_chord),
    "dramatiq": ("Dramatiq group with a completion callback", dramatiq_group),
    "rq": ("RQ enqueue_many and a job that depends on all", rq_dependency),
    "huey": ("Huey chord", huey_chord),
}


def contestants(url: str, count: int) -> dict[str, tuple[Push, int]]:
    """Each by what it is called, with how many members it pushes."""
    found: dict[str, tuple[Push, int]] = {
        "the same jobs without a batch": (plainly, count),
        "a batch, perform_bulk": (as_a_batch, count),
        "a batch, one perform_async after another": (as_a_batch_one_by_one, count),
    }
    for package, (name, make) in PEERS.items():
        try:
            version = importlib.metadata.version(package)
            found[f"{name} ({version})"] = (make(url), min(count, PEER_MEMBERS))
        except ImportError:
            print(f"{name}: {package} is not installed")
    return found


@contextlib.contextmanager
def running_redis() -> Iterator[str]:
    """Its URL, for as long as the block lasts."""
    binary = shutil.which("redis-server")
    if binary is None:
        sys.exit("this benchmark needs redis-server on the PATH")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen([binary, *options], stdout=subprocess.DEVNULL)
    try:
        url = f"redis://127.0.0.1:{port}/0"
        _wait_for(url)
        yield url
    finally:
        process.kill()
        process.wait()


def _wait_for(url: str) -> None:
    client, end = redis.Redis.from_url(url), time.monotonic() + 10
    while True:
        try:
            client.ping()
            return
        except redis.ConnectionError:
            if time.monotonic() > end:
                raise
            time.sleep(0.02)


def main(count: int, rounds: int) -> int:
    with running_redis() as url, Shiftboss(url):
        plain, rates = redis.Redis.from_url(url), dict[str, list[float]]()
        entrants = contestants(url, count)
        for push, _ in entrants.values():
            push(10)  # connections, scripts, imports
        for _ in range(rounds):
            for name, (push, members) in entrants.items():
                plain.flushall()
                began = time.perf_counter()
                push(members)
                rates.setdefault(name, []).append(members / (time.perf_counter() - began))
        paces = {name: median(some) for name, some in rates.items()}
        without, batch = paces["the same jobs without a batch"], paces["a batch, perform_bulk"]
        print(f"Redis {plain.info('server')['redis_version']}, {count:,} members, medians of {rounds}")
        for name, pace in paces.items():
            print(f"{name:<58}{pace:>10,.0f} members/s   a batch is {batch / pace:.2f} times as fast")
        ratio = without / batch
        print(f"a batch takes {ratio:.2f} times as long as without one: at most {WANTED_RATIO} wanted")
        leads = [batch / pace for name, pace in paces.items() if name.startswith("Celery")]
        print(
            f"a batch is {leads[0]:.0f} times as fast as Celery: at least {WANTED_LEAD} wanted"
            if leads
            else "no Celery"
        )
        return int(ratio > WANTED_RATIO or any(lead < WANTED_LEAD for lead in leads))


if __name__ == "__main__":
    sys.exit(main(*map(int, [*sys.argv[1:], *["100000", "7"][len(sys.argv) - 1 :]])))
