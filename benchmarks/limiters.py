"""Claims: a check of bucket, leaky and points takes at most 0.70 of the time of redis-py's own `evalsha('return 1')`, of window
0.80, a slot taken and given back 1.6; waiters ask at most once a second; a freed slot is handed over in 1.2 times the time of
a bare BLPOP and RPUSH; with Redis frozen or away a decision comes within half a second; asyncio makes 5 times the calls of
redis.asyncio with 32 in flight; with `prefetch` a window admits 10 times as many as there could be calls.

Peers run in the same rounds, one after the other. Medians. Each part takes less than a minute or two:

    python benchmarks/limiters.py [checks|server|waiting|handoff|saturated|outage|aio|prefetch] [rounds]
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from statistics import median, quantiles
from typing import Any

import redis
from redis import asyncio as redis_asyncio

from batches import running_redis  # noqa: TID251 - the script beside this one
from shiftboss import Shiftboss, limiters
from shiftboss.limiters import OverLimit

CALLS = 2_000
HANDOFFS = 320
TRIVIAL = "return 1"
MANY = 1_000_000
DAY = 86400


def kinds(client: Shiftboss, size: int = MANY) -> dict[str, Callable[[], Any]]:
    """One check of each kind of ours; `concurrent` is a slot taken and given back."""
    some = {
        "bucket": limiters.bucket("b", size, "day", client=client),
        "leaky": limiters.leaky("l", size, "day", client=client),
        "points": limiters.points("p", size, refill_per_second=size / DAY, client=client),
        "window": limiters.window("w", size, "hour", client=client),
    }
    slots = limiters.concurrent("c", size, wait_timeout=0, client=client)

    def pair() -> None:
        slots.acquire().release()

    return {**{name: one.try_acquire for name, one in some.items()}, "concurrent": pair}


def timed(call: Callable[[], Any], times: int = CALLS) -> float:
    """Median microseconds of a call."""
    for _ in range(50):
        call()
    found = []
    for _ in range(times):
        began = time.perf_counter_ns()
        call()
        found.append(time.perf_counter_ns() - began)
    return median(found) / 1000


def checks(rounds: int) -> None:
    """How long a check takes its caller."""
    from peers import limiting

    with running_redis() as url, Shiftboss(url) as client:
        plain = redis.Redis.from_url(url)
        sha = plain.script_load(TRIVIAL)
        pair = {
            name: lambda hold=hold: _enter(hold)
            for name, hold in {**limiting.holding(url, 1), **limiting.never_waiting(url)}.items()
        }
        calls: dict[str, Callable[[], Any]] = {
            "evalsha('return 1')": lambda: plain.evalsha(sha, 1, "k"),
            **kinds(client),
            **{name: call for name, (_, call) in limiting.checks(url).items()},
            **pair,
        }
        table = _rounds(rounds, {name: lambda call=call: timed(call, CALLS // 4) for name, call in calls.items()})
        _print(table, "evalsha('return 1')", "microseconds, p50")


def server(rounds: int) -> None:
    """How long the server works for a call, beside a script that does nothing, and whether that grows with the size."""
    from peers import limiting

    with running_redis() as url, Shiftboss(url) as client:
        plain = redis.Redis.from_url(url)
        sha = plain.script_load(TRIVIAL)

        def cost(call: Callable[[], Any]) -> float:
            for _ in range(20):
                call()
            plain.config_resetstat()
            for _ in range(CALLS // 2):
                call()
            stats = plain.info("commandstats")
            mine = [one for name, one in stats.items() if not name.startswith(("cmdstat_config", "cmdstat_info"))]
            # Within scripts each command counts, too, and is part of the script's own time.
            scripts = sum(stats[name]["usec"] for name in ("cmdstat_evalsha", "cmdstat_eval") if name in stats)
            return (scripts or sum(one["usec"] for one in mine)) / (CALLS // 2)

        calls: dict[str, Callable[[], Any]] = {"a script that does nothing": lambda: plain.evalsha(sha, 1, "k")}
        calls |= kinds(client)
        full = limiters.window("full", 100_000, "hour", client=client, wait_timeout=0)
        for _ in range(100):
            full.acquire(1000)
        calls["window of 100,000, refused"] = full.try_acquire
        taken = limiters.window("taken", 200_000, "hour", client=client, wait_timeout=0)
        for _ in range(100):
            taken.acquire(1000)
        calls["window with 100,000 taken"] = taken.try_acquire
        crowd = limiters.concurrent("crowd", 100_001, lock_timeout=600, client=client)
        pipe = plain.pipeline()
        for n in range(100_000):
            pipe.zadd(crowd.keys(client).leases, {f"other.{n}.600000": (time.time() + 600) * 1000})
        pipe.execute()
        calls["concurrent with 100,000 held"] = lambda: crowd.acquire().release()
        calls |= {name: call for name, (_, call) in limiting.checks(url).items() if not name.startswith("Dramatiq")}
        table = _rounds(rounds, {name: lambda call=call: cost(call) for name, call in calls.items()})
        _print(table, "a script that does nothing", "microseconds of the server for each")


def waiting(_: int) -> None:
    """How many calls waiters make."""
    with running_redis() as url, Shiftboss(url) as client:
        plain = redis.Redis.from_url(url)
        for number in (1, 20, 100):
            limiter = limiters.concurrent(f"c{number}", 1, wait_timeout=60, lock_timeout=60, client=client)
            held = limiter.acquire()
            threads = [threading.Thread(target=_enter, args=[limiter.within_limit]) for _ in range(number)]
            for one in threads:
                one.start()
            while limiter.peek().waiting < number:
                time.sleep(0.05)
            plain.config_resetstat()
            time.sleep(5)
            stats = plain.info("commandstats")
            asked = sum(stats.get(f"cmdstat_{name}", {"calls": 0})["calls"] for name in ("evalsha", "blpop"))
            held.release()
            for one in threads:
                one.join()
            print(f"{number:>4} waiters: {asked / 5:6.1f} calls a second, {asked / 5 / number:.2f} for each")


def ours(url: str, slots: int) -> Callable[[], Any]:
    return limiters.concurrent("ours", slots, wait_timeout=30, lock_timeout=30, client=Shiftboss(url)).within_limit


def make_hold(name: str, url: str, slots: int) -> Callable[[], Any]:
    from peers import limiting

    if name == "Shiftboss":
        return ours(url, slots)
    return limiting.bare(url, slots) if name == "bare BLPOP and RPUSH" else limiting.holding(url, slots)[name]


def take_turns(name: str, url: str, slots: int, hold: float, times: int, barrier: Any, found: Any) -> None:
    """In a process of its own: enter so many times; when each entry began and when it was about to end."""
    enter, events = make_hold(name, url, slots), []
    barrier.wait()
    for _ in range(times):
        with enter():
            began = time.monotonic_ns()
            time.sleep(hold)
            events.append((began, time.monotonic_ns()))
    found.put(events)


def turns(name: str, url: str, slots: int, clients: int, hold: float, times: int) -> list[tuple[int, int]]:
    """All entries of so many processes, in the order in which they began."""
    context = multiprocessing.get_context("spawn")
    barrier, found = context.Barrier(clients), context.Queue()
    args = (name, url, slots, hold, times, barrier, found)
    processes = [context.Process(target=take_turns, args=args) for _ in range(clients)]
    for one in processes:
        one.start()
    events = sorted(event for _ in processes for event in found.get(timeout=120))
    for one in processes:
        one.join(30)
    return events


def handoff(rounds: int) -> None:
    """From the release of the only slot in one process to the start in another that waits."""
    names = [
        "bare BLPOP and RPUSH",
        "Shiftboss",
        "redis-rate-limiters, semaphore",
        "python-redis-lock",
        "redis-py Lock",
    ]
    for clients in (2, 8):
        delays: dict[str, list[tuple[float, float]]] = {}
        with running_redis() as url:
            for _ in range(rounds):
                for name in names:
                    times = max(10, HANDOFFS // clients)
                    events = turns(name, url, 1, clients, 0.005, times)
                    # At first some are not there yet, and at the end nobody may wait any more.
                    tenth = len(events) // 10
                    gaps = [(after[0] - before[1]) / 1e6 for before, after in pairwise(events[tenth:-tenth])]
                    delays.setdefault(name, []).append((median(gaps), quantiles(gaps, n=100)[98]))
        floor = delays[names[0]]
        print(f"{clients} processes, one slot, held 5 ms; milliseconds, medians of {rounds}")
        for name, found in delays.items():
            half, most = (median(column) for column in zip(*found, strict=True))
            base, top = (median(column) for column in zip(*floor, strict=True))
            print(f"  {name:<34} p50 {half:8.2f} ({half / base:5.2f})   p99 {most:8.2f} ({most / top:5.2f})")


def saturated(rounds: int) -> None:
    """How many come through four slots, held 10 ms each, with twice as many processes."""
    names = ["Shiftboss", "redis-rate-limiters, semaphore", "bare BLPOP and RPUSH"]
    rates: dict[str, list[float]] = {}
    with running_redis() as url:
        for _ in range(rounds):
            for name in names:
                events = turns(name, url, 4, 8, 0.01, 40)
                rates.setdefault(name, []).append(len(events) / ((events[-1][1] - events[0][0]) / 1e9))
    _print(rates, "Shiftboss", "entries a second; 400 are possible")


def outage(_: int) -> None:
    """How long a decision takes when Redis is frozen, and when it is not there."""
    with running_redis() as url:
        client = Shiftboss(url)
        pid = int(redis.Redis.from_url(url).info("server")["process_id"])
        some = {**kinds(client)}
        for call in some.values():
            call()
        for state in ("frozen", "away"):
            os.kill(pid, signal.SIGSTOP if state == "frozen" else signal.SIGKILL)
            for name, call in some.items():
                began = time.monotonic()
                try:
                    call()
                except (redis.RedisError, OSError, OverLimit) as error:
                    print(f"{state:<7} {name:<11} {time.monotonic() - began:6.3f} s  {type(error).__name__}")
            began = time.monotonic()
            try:
                redis.Redis.from_url(url).ping()
            except redis.RedisError as error:
                print(f"{state:<7} redis-py    {time.monotonic() - began:6.3f} s  {type(error).__name__}")


async def _rate(call: Callable[[], Any], flight: int, seconds: float = 1.0) -> float:
    done, end = 0, time.monotonic() + seconds

    async def go() -> None:
        nonlocal done
        while time.monotonic() < end:
            await call()
            done += 1

    await asyncio.gather(*(go() for _ in range(flight)))
    return done / seconds


def aio(rounds: int) -> None:
    """Calls a second of one event loop with 32 in flight."""

    async def run(url: str) -> dict[str, list[float]]:
        plain = redis_asyncio.Redis.from_url(url)
        sha, rates = await plain.script_load(TRIVIAL), dict[str, list[float]]()
        async with Shiftboss(url) as client:
            leaky = limiters.leaky("l", MANY, "second", client=client)
            window = limiters.window("w", MANY, "hour", client=client)
            bucket = limiters.bucket("b", MANY, "day", client=client)
            calls = {
                "redis.asyncio, evalsha('return 1')": lambda: plain.evalsha(sha, 1, "k"),
                "bucket": bucket.atry_acquire,
                "leaky": leaky.atry_acquire,
                "window": window.atry_acquire,
            }
            for _ in range(rounds):
                for name, call in calls.items():
                    rates.setdefault(name, []).append(await _rate(call, 32))
            await client.aclose()
        await plain.aclose()
        return rates

    with running_redis() as url:
        _print(asyncio.run(run(url)), "redis.asyncio, evalsha('return 1')", "calls a second")


def prefetch(rounds: int) -> None:
    """Units a second of one thread with blocks of 500, beside the calls that redis-py could make."""
    with running_redis() as url, Shiftboss(url) as client:
        plain = redis.Redis.from_url(url)
        sha = plain.script_load(TRIVIAL)
        calls: dict[str, tuple[Callable[[], Any], int]] = {
            "evalsha('return 1')": (lambda: plain.evalsha(sha, 1, "k"), 5_000),
        }
        table = dict[str, list[float]]()
        for n in range(rounds):
            window = limiters.window(f"w{n}", MANY, "minute", prefetch=500, client=client)
            for name, (call, times) in {**calls, "window, prefetch=500": (window.acquire, 100_000)}.items():
                began = time.perf_counter()
                for _ in range(times):
                    call()
                table.setdefault(name, []).append(times / (time.perf_counter() - began))
        _print(table, "evalsha('return 1')", "a second")


def _enter(hold: Callable[[], Any]) -> None:
    with hold():
        pass


def _rounds(rounds: int, cases: dict[str, Callable[[], float]]) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for name, case in cases.items():
            found.setdefault(name, []).append(case())
    return found


def _print(table: dict[str, list[float]], base: str, what: str) -> None:
    print(f"{what}; medians of {len(table[base])}, and so many times {base}")
    for name, found in table.items():
        ratio = median(mine / other for mine, other in zip(found, table[base], strict=True))
        print(f"  {name:<34} {median(found):12.2f}  {ratio:7.2f}")


PARTS = {part.__name__: part for part in (checks, server, waiting, handoff, saturated, outage, aio, prefetch)}


def main(words: Sequence[str]) -> None:
    chosen = [word for word in words if not word.isdigit()] or list(PARTS)
    rounds = next((int(word) for word in words if word.isdigit()), 7)
    for part in chosen:
        if part not in PARTS:
            sys.exit(f"expected {', '.join(PARTS)}, got {part!r}")
        print(f"== {part}: {(PARTS[part].__doc__ or '').strip()}")
        PARTS[part](rounds)


if __name__ == "__main__":
    main(sys.argv[1:])
