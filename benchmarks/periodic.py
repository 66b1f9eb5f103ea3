"""Claim: a tick is enqueued within 20 ms of its instant (p99) with 1,000 entries of which few are due together; 10,000 that are due
at once within 2 s; a leader of 10,000 quiet entries uses less than 1 % of a core; a successor leads 100 ms after a leader
resigned, and a second after the lease of one that was killed.

A bare loop that sleeps until each instant and LPUSHes runs beside it, on the same Redis.

    python benchmarks/periodic.py [seconds]
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import redis

from shiftboss import Shiftboss, periodic
from shiftboss.keys import PeriodicKeys, SidekiqKeys
from shiftboss.periodic import Schedule, Scheduler, calls
from shiftboss.periodic.deploying import deploy
from shiftboss.periodic.entry import Entry
from shiftboss.scripts import command

ENTRIES, EVERY = 1_000, 100
AT_ONCE = 10_000
QUEUE = SidekiqKeys("sb").queue("default")


@contextmanager
def server() -> Iterator[str]:
    """A Redis of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "redis.sock")
        binary = shutil.which("redis-server") or "redis-server"
        words = [binary, "--port", "0", "--unixsocket", path, "--save", "", "--dir", folder, "--loglevel", "warning"]
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL)
        try:
            wait(lambda: Path(path).exists(), 10)
            yield f"unix://{path}"
        finally:
            process.kill()
            process.wait()


def wait(predicate: Callable[[], object], timeout: float = 60.0) -> None:
    until = time.monotonic() + timeout
    while not predicate():
        if time.monotonic() > until:
            raise TimeoutError("it did not happen")
        time.sleep(0.001)


def percentile(values: list[float], part: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * part))]


def bare_loop(url: str, instants: list[float], late: list[float]) -> None:
    """What is possible: sleep until an instant, push, look at the clock."""
    client = redis.Redis.from_url(url)
    for instant in instants:
        time.sleep(max(0.0, instant - time.time()))
        client.lpush("bare", "x" * 200)
        late.append((time.time() - instant) * 1000)


def lateness(url: str, seconds: float) -> None:
    client = Shiftboss(url)
    entries = tuple(Entry(f"e{n}", "Tick", every=EVERY * 1000, jitter=EVERY * 1000) for n in range(ENTRIES))
    scheduler = Scheduler(client, Schedule("default", entries))
    scheduler.start()
    length = command("LLEN", [QUEUE], [], int)
    wait(lambda: client.store.run(length), 2 * EVERY)  # their ticks are put off by up to a whole interval
    bare: list[float] = []
    begin = time.time() + 1
    instants = [begin + n / 10 for n in range(int(seconds * 10))]
    loop = threading.Thread(target=bare_loop, args=(url, instants, bare))
    loop.start()
    loop.join()
    scheduler.stop()
    late = [
        run.at.timestamp() * 1000 - run.planned.timestamp() * 1000 - entry.delay("default")
        for entry in entries
        for run in periodic.history(entry.name, client=client)
        if run.planned
    ]
    for name, values in (("shiftboss", late), ("a bare loop", bare)):
        half, most = percentile(values, 0.5), percentile(values, 0.99)
        print(
            f"lateness, {name}: {len(values)} ticks, median {half:.2f} ms, p99 {most:.2f} ms, worst {max(values):.2f} ms"
        )


def at_once(url: str) -> None:
    """All entries fire every minute; this is the next full one."""
    client = Shiftboss(url)
    client.store.run(command("FLUSHALL", [], [], bool))
    zones = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Tokyo")
    entries = tuple(Entry(f"e{n}", "Tick", cron="* * * * *", timezone=zones[n % 4]) for n in range(AT_ONCE))
    client.perform(deploy(client, Schedule("default", entries)))
    scheduler = Scheduler(client, "default")
    scheduler.start()
    wait(lambda: scheduler.leading)
    first = client.store.run(calls.scores(PeriodicKeys("sb", "default")))["e0"] / 1000
    length = command("LLEN", [QUEUE], [], int)
    wait(lambda: client.store.run(length) == AT_ONCE, 90)
    print(f"{AT_ONCE:,} entries due at once: all enqueued after {time.time() - first:.2f} s")
    scheduler.stop()


def quiet(url: str, seconds: float) -> None:
    client = Shiftboss(url)
    client.store.run(command("FLUSHALL", [], [], bool))
    entries = tuple(Entry(f"e{n}", "Tick", cron=f"{n % 60} {n % 24} 29 2 *") for n in range(AT_ONCE))
    scheduler = Scheduler(client, Schedule("default", entries))
    scheduler.start()
    wait(lambda: scheduler.leading and not scheduler._ahead.behind and scheduler._ahead_of)
    time.sleep(1)
    before, began = used(), time.monotonic()
    time.sleep(seconds)
    print(f"a leader of {AT_ONCE:,} quiet entries: {(used() - before) / (time.monotonic() - began):.2%} of a core")
    scheduler.stop()


def used() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def failover(url: str, lease: float, how: signal.Signals) -> float:
    """Seconds from a leader's end to its successor's lead."""
    client = Shiftboss(url)
    client.store.run(command("FLUSHALL", [], [], bool))
    code = (
        "import sys, time, signal; from shiftboss import Shiftboss; from shiftboss.periodic import Scheduler\n"
        f"s = Scheduler(Shiftboss({url!r}), 'default', lease={lease}); s.start()\n"
        "signal.signal(signal.SIGTERM, lambda *_: (s.stop(), sys.exit()))\nwhile True: time.sleep(60)"
    )
    leader = subprocess.Popen([sys.executable, "-c", code])
    wait(lambda: periodic.leader(client=client))
    follower = Scheduler(client, "default", lease=lease)
    follower.start()
    time.sleep(lease / 2)
    began = time.monotonic()
    os.kill(leader.pid, how)
    wait(lambda: follower.leading)
    took = time.monotonic() - began
    leader.wait()
    follower.stop()
    return took


if __name__ == "__main__":
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60.0
    with server() as url:
        lateness(url, seconds)
        at_once(url)
        quiet(url, seconds / 2)
        print(f"a leader resigns: {failover(url, 15.0, signal.SIGTERM) * 1000:.0f} ms until the next one leads")
        print(f"a leader is killed, lease 15 s: {failover(url, 15.0, signal.SIGKILL):.1f} s until the next one leads")
