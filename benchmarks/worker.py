"""Claim: through one process, no-op jobs run at least 2 times as fast as in Debian's Ruby Sidekiq and in Huey, and 3 times as
fast as in Dramatiq, taskiq, Celery, RQ and SAQ, on the same Redis in the same run.

Every round goes through all of them, so that the machine's moods meet all alike; the median of the rounds counts. Each has its
jobs pushed first, then one worker process with ten threads or tasks, logging errors only, on a core that Redis does not use;
the time from the start of the first job to that of the last counts. Those that are slow get fewer jobs. Beside that: how long a job
waits from its push to its start in an idle worker, against a bare BLPOP hand-off; and what an idle worker costs.

    python benchmarks/worker.py [jobs [rounds]]         needs the extra `bench` and, for Sidekiq, Debian's ruby-sidekiq
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import redis

from shiftboss import Shiftboss, current_client
from shiftboss.jobs import Message

PEERS = Path(__file__).with_name("peers")
PYTHON = sys.executable
MOST = 60.0
IDLE = 10.0


@dataclass(frozen=True)
class Peer:
    """A worker to measure.

    Args:
        name: Its module, also the package it needs.
        share: Which part of the jobs it gets.
        wanted: How many times as fast Shiftboss is to be.
        command: Starts the worker.
    """

    name: str
    share: float
    wanted: float
    command: list[str]


def peers(url: str) -> list[Peer]:
    module = [PYTHON, "-m"]
    ruby = ["sidekiq", "-r", f"{PEERS}/sidekiq_app.rb", "-c", "10", "-q", "default"]
    return [
        Peer("shiftboss", 1, 0, [*module, "shiftboss.cli", "worker", "-r", "shiftboss_app", "--log-level", "error"]),
        Peer("sidekiq", 0.3, 2, ruby),
        Peer("huey", 0.2, 2, [*module, "huey.bin.huey_consumer", "huey_app.app", "-w", "10", "-q"]),
        Peer("dramatiq", 0.1, 3, [*module, "dramatiq", "dramatiq_app", "-p", "1", "-t", "10"]),
        Peer("taskiq", 0.1, 3, [*module, "taskiq", "worker", "taskiq_app:broker", "-w", "1", "--log-level", "ERROR"]),
        Peer(
            "celery",
            0.05,
            3,
            [*module, "celery", "-A", "celery_app", "worker", "-P", "threads", "-c", "10", "-l", "ERROR"],
        ),
        Peer("rq", 0.02, 3, [*module, "rq.cli", "worker", "bench", "-w", "rq.SimpleWorker", "-q", "--url", url]),
        Peer("saq", 0.05, 3, [*module, "saq", "saq_app.settings", "--quiet"]),
    ]


def installed(peer: Peer) -> bool:
    if peer.name == "sidekiq":
        return shutil.which("sidekiq") is not None
    package = {"taskiq": "taskiq_redis"}.get(peer.name, peer.name)
    return importlib.util.find_spec(package) is not None


@contextmanager
def server() -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    binary = shutil.which("redis-server") or shutil.which("valkey-server")
    if binary is None:
        sys.exit("a redis-server is needed on the PATH")
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--logfile", os.devnull]
    process = subprocess.Popen([*on_core(0), binary, *options])
    url = f"redis://127.0.0.1:{port}/0"
    try:
        plain = redis.Redis.from_url(url, retry_on_error=[redis.ConnectionError])
        while True:
            try:
                plain.ping()
                break
            except redis.ConnectionError:
                time.sleep(0.05)
        yield url
    finally:
        process.kill()
        process.wait()


def on_core(core: int) -> list[str]:
    """What begins a command that is to have one core for itself; nothing where that cannot be said."""
    return ["taskset", "-c", str(core)] if shutil.which("taskset") and (os.cpu_count() or 1) > core else []


@contextmanager
def worker(command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "start_new_session": True}
    process = subprocess.Popen([*on_core(1), *command], cwd=PEERS, env=env, **quiet)
    try:
        yield process
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def environment(url: str, jobs: int) -> dict[str, str]:
    return {**os.environ, "BENCH_REDIS": url, "SHIFTBOSS_URL": url, "BENCH_JOBS": str(jobs), "PYTHONPATH": str(PEERS)}


def pace(peer: Peer, url: str, jobs: int) -> float | None:
    """Jobs per second; None if it did not end in time."""
    plain = redis.Redis.from_url(url)
    plain.flushall()
    env = environment(url, jobs)
    if peer.name == "sidekiq":
        push = ["ruby", str(PEERS / "sidekiq_app.rb"), "push"]
    else:
        push = [PYTHON, "-c", f"from {peer.name}_app import push; push({jobs})"]
    subprocess.run(push, cwd=PEERS, env=env, check=True, timeout=MOST, stderr=subprocess.DEVNULL)
    with worker(peer.command, env):
        deadline = time.monotonic() + MOST
        while (seconds := plain.get("bench:seconds")) is None:
            if time.monotonic() > deadline:
                return None
            time.sleep(0.05)
    return jobs / float(seconds)


def latency(url: str, count: int) -> tuple[float, float]:
    """Medians in milliseconds, of a push to the start of the job in an idle worker, and of a bare BLPOP hand-off."""
    plain, ours, bare = redis.Redis.from_url(url), list[float](), list[float]()
    plain.flushall()
    env = environment(url, 1)
    with Shiftboss(url), worker(peers(url)[0].command, env), worker([PYTHON, str(PEERS / "blpop.py")], env):
        time.sleep(3)
        for _ in range(count):
            for push, times in ((push_stamp, ours), (lambda: plain.lpush("bench:bare", "x"), bare)):
                time.sleep(0.005)
                began = time.perf_counter()
                push()
                _, stamp = plain.blpop(["bench:stamps"], timeout=10)
                times.append((float(stamp) - began) * 1000)
    return median(ours), median(bare)


def push_stamp() -> None:
    client = current_client()
    client.perform(client.push([Message("stamp", (), "default", os.urandom(12).hex())]))


def idle(url: str) -> float:
    """Percent of a core that a worker without jobs takes."""
    redis.Redis.from_url(url).flushall()
    with worker(peers(url)[0].command, environment(url, 1)) as process:
        time.sleep(3)
        before = cpu(process.pid)
        time.sleep(IDLE)
        return (cpu(process.pid) - before) / IDLE * 100


def cpu(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def main(jobs: int, rounds: int) -> int:
    missed = 0
    with server() as url:
        candidates = [peer for peer in peers(url) if installed(peer)]
        paces: dict[str, list[float]] = {peer.name: [] for peer in candidates}
        for _ in range(rounds):
            for peer in candidates:
                measured = pace(peer, url, max(200, int(jobs * peer.share)))
                if measured is not None:
                    paces[peer.name].append(measured)
        ours = median(paces["shiftboss"])
        for peer in candidates:
            if not paces[peer.name]:
                print(f"{peer.name:<10} did not end within {MOST:g} s")
                continue
            theirs = median(paces[peer.name])
            verdict = "" if not peer.wanted else "held" if ours >= peer.wanted * theirs else "MISSED"
            missed += verdict == "MISSED"
            wanted = f"Shiftboss is {ours / theirs:5.1f} times as fast, wanted {peer.wanted:g}: " if peer.wanted else ""
            print(f"{peer.name:<10} {theirs:>8,.0f} jobs/s   {wanted}{verdict}")
        started, bare = latency(url, 300)
        print(
            f"push to start {started:.2f} ms, a bare BLPOP hand-off {bare:.2f} ms: {started / bare:.1f} times, wanted 2"
        )
        cost = idle(url)
        print(f"an idle worker takes {cost:.2f} % of a core, wanted 0.5")
        missed += (started > 2 * bare) + (cost > 0.5)
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main(*(int(word) for word in [*sys.argv[1:], *["50000", "3"][len(sys.argv) - 1 :]])))
