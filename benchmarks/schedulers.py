"""Claim: of two processes that fire one schedule, each tick is enqueued once, and when one is killed the other goes on.

One entry, due each second. For each scheduler two processes run for `seconds`; then the one that began first gets SIGKILL, and
the other goes on for as long. What arrives in the broker's queue is counted, and when. The schedulers take turns.

    python benchmarks/schedulers.py [seconds]
"""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import redis
from worker import server

PEERS = Path(__file__).parent / "peers"
BIN = Path(sys.executable).parent
SCHEDULE = "jobs:\n  tick: {every: 1s, job: Tick, queue: ticks, catch_up: all}\n"
# How long a scheduler may take to begin.
START = 30.0


@dataclass(frozen=True)
class Scheduler:
    """A scheduler: how a process of it is started, and the list in which its ticks arrive."""

    name: str
    command: Sequence[str]
    queue: str


@dataclass(frozen=True)
class Seen:
    """What arrived: how many ticks, and how far each was from a second after the one before, in milliseconds."""

    ticks: int
    off: list[float]
    longest: float


def schedulers(folder: Path) -> list[Scheduler]:
    celery = [str(BIN / "celery"), "-A", "beat_app", "beat", "-l", "error", "--pidfile", ""]
    ours = [str(BIN / "shiftboss"), "periodic", "run", str(folder / "schedule.yml")]
    return [
        Scheduler("Shiftboss, lease 15 s", ours, "queue:ticks"),
        Scheduler("Shiftboss, lease 5 s", [*ours, "--lease", "5"], "queue:ticks"),
        Scheduler("Celery beat", celery, "celery"),
        Scheduler("redbeat, lock 5 s", [*celery, "-S", "redbeat.RedBeatScheduler"], "celery"),
        Scheduler("RQ cron", [str(BIN / "rq"), "cron", str(PEERS / "rq_cron.py")], "rq:queue:ticks"),
        Scheduler("APScheduler", [sys.executable, str(PEERS / "aps_app.py")], "ticks"),
    ]


@contextmanager
def begun(scheduler: Scheduler, url: str, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    env = {**os.environ, "BENCH_REDIS": url, "SHIFTBOSS_URL": url, "RQ_REDIS_URL": url, "PYTHONPATH": str(PEERS)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    place = Path(tempfile.mkdtemp(dir=folder))  # Celery's beat keeps a file where it runs
    process = subprocess.Popen(scheduler.command, cwd=place, env=env, **quiet)
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def watch(plain: redis.Redis, queue: str, seconds: float, most: int = sys.maxsize) -> Seen:
    """Take what arrives for so many seconds, or until so much has."""
    until, arrivals, began = time.monotonic() + seconds, [], time.monotonic()
    while (left := until - time.monotonic()) > 0.01 and len(arrivals) < most:
        if plain.brpop([queue], timeout=min(left, 1.0)):
            arrivals.append(time.monotonic())
    gaps = [after - before for before, after in zip([began, *arrivals], [*arrivals, until], strict=True)]
    off = [abs(gap - 1) * 1000 for gap in gaps[1:-1] if 0.5 < gap < 1.5]
    return Seen(len(arrivals), off or [float("nan")], max(gaps))


def measure(scheduler: Scheduler, url: str, folder: Path, seconds: float) -> str:
    plain = redis.Redis.from_url(url)
    plain.flushall()
    with ExitStack() as running:
        first = running.enter_context(begun(scheduler, url, folder))
        if not watch(plain, scheduler.queue, START, most=1).ticks:
            return f"{scheduler.name:22} did not begin"
        running.enter_context(begun(scheduler, url, folder))
        watch(plain, scheduler.queue, 5)
        both = watch(plain, scheduler.queue, seconds)
        os.killpg(first.pid, signal.SIGKILL)
        one = watch(plain, scheduler.queue, seconds)
    return (
        f"{scheduler.name:22} two processes: {both.ticks:3} ticks in {seconds:g} s, "
        f"{statistics.median(both.off):4.0f} ms off a second (median), {max(both.off):4.0f} at most; "
        f"after SIGKILL: {one.ticks:3} ticks in {seconds:g} s, longest gap {one.longest:4.1f} s"
    )


def main(seconds: float) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "schedule.yml").write_text(SCHEDULE)
        with server() as url:
            for scheduler in schedulers(folder):
                print(measure(scheduler, url, folder, seconds), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 40.0)
