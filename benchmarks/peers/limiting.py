"""Other limiters and locks on Redis: one call of each, and what holds a slot of each."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import redis

# redis-rate-limiters' module has the name of the script that runs this.
_here = sys.path.pop(0)
try:
    import dramatiq.rate_limits as dramatiq
    import limits
    import pyrate_limiter
    import redis_lock
    import throttled
    from dramatiq.rate_limits.backends import RedisBackend

    import limiters as rate_limiters  # noqa: TID251 - redis-rate-limiters'
except ImportError as error:
    sys.exit(f"{error}; install the peers: pip install -e '.[bench]'")
finally:
    sys.path.insert(0, _here)

Hold = Callable[[], AbstractContextManager[Any]]
MANY, HOUR = 1_000_000, 3600


def checks(url: str) -> dict[str, tuple[str, Callable[[], Any]]]:
    """One check of each, by name, with the kind of ours that it is to be compared with."""
    storage = limits.storage.storage_from_string(url)
    item = limits.parse(f"{MANY}/hour")
    client = redis.Redis.from_url(url)
    fixed, moving = (
        limits.strategies.FixedWindowRateLimiter(storage),
        limits.strategies.MovingWindowRateLimiter(storage),
    )
    store, quota = throttled.RedisStore(server=url), throttled.per_hour(MANY)
    per_hour, gcra = (
        throttled.Throttled(key="t", using="fixed_window", quota=quota, store=store),
        throttled.Throttled(key="t", using="gcra", quota=throttled.per_hour(MANY, burst=MANY), store=store),
    )
    log = pyrate_limiter.RedisBucket.init([pyrate_limiter.Rate(MANY, HOUR * 1000)], client, "pyrate")
    pyrate = pyrate_limiter.Limiter(log)
    backend = RedisBackend(client=client)
    periods = dramatiq.BucketRateLimiter(backend, "dramatiq-bucket", limit=MANY, bucket=HOUR * 1000)
    sliding = dramatiq.WindowRateLimiter(backend, "dramatiq-window", limit=MANY, window=10)
    return {
        "limits, fixed window": ("bucket", lambda: fixed.hit(item, "fixed")),
        "limits, moving window": ("window", lambda: moving.hit(item, "moving")),
        "throttled-py, fixed window": ("bucket", per_hour.limit),
        "throttled-py, GCRA": ("leaky", gcra.limit),
        "pyrate-limiter, log": ("window", lambda: pyrate.try_acquire("x", blocking=False)),
        "Dramatiq, bucket": ("bucket", lambda: _enter(periods)),
        "Dramatiq, window of 10 s": ("window", lambda: _enter(sliding)),
    }


def _enter(limiter: Any) -> None:
    with limiter.acquire():
        pass


def holding(url: str, slots: int) -> dict[str, Hold]:
    """What holds one of so many slots for a block; locks have one."""
    client = redis.Redis.from_url(url, socket_timeout=60)
    strings = redis.Redis.from_url(url, socket_timeout=60, decode_responses=True)
    semaphore = rate_limiters.SyncSemaphore(name="peer", capacity=slots, max_sleep=30, expiry=60, connection=strings)
    found: dict[str, Hold] = {"redis-rate-limiters, semaphore": lambda: semaphore}
    if slots == 1:
        found["redis-py Lock"] = lambda: client.lock("lock", timeout=30)
        found["python-redis-lock"] = lambda: redis_lock.Lock(client, "rlock", expire=30)
    return found


def never_waiting(url: str) -> dict[str, Hold]:
    """What refuses instead of waiting, and so is of use only where there is room."""
    limiter = dramatiq.ConcurrentRateLimiter(
        RedisBackend(client=redis.Redis.from_url(url)), "dramatiq-concurrent", limit=1, ttl=30_000
    )
    return {"Dramatiq, concurrent": limiter.acquire}


def bare(url: str, slots: int) -> Hold:
    """Tokens in a list, BLPOP and RPUSH: as fast as it can be, and safe from nothing."""
    client = redis.Redis.from_url(url, socket_timeout=60)
    if client.set("bare-made", 1, nx=True):
        client.rpush("bare", *range(slots))

    @contextmanager
    def hold() -> Any:
        token = client.blpop(["bare"], 30)
        try:
            yield token
        finally:
            client.rpush("bare", 1)

    return hold
