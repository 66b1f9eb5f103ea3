import time

import redis
from counting import URL, tick

from shiftboss import job

plain = redis.Redis.from_url(URL)


@job(name="noop")
def noop() -> None:
    tick()


def push(count: int) -> None:
    noop.perform_bulk(() for _ in range(count))


@job(name="stamp")
def stamp() -> None:
    """Say when it started, to a process on the same machine."""
    now = time.perf_counter()
    plain.rpush("bench:stamps", now)
