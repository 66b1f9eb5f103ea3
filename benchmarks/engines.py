"""Claim: what a batch adds to a job is a few calls to Redis, on every engine.

On each engine no-op jobs are pushed and then run by one worker, alone and in a batch in turn; the median of the rounds counts.
Measured are jobs per second pushed, jobs per second run, and the calls that Redis counted for each job of both together.

    python benchmarks/engines.py [jobs [rounds]]         needs the extra `bench`
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from statistics import median

import redis
from worker import MOST, PEERS, PYTHON, environment, server, worker

WORKERS = {
    "sidekiq": ["-m", "shiftboss.cli", "worker", "-r", "engine_app", "--log-level", "error"],
    "celery": ["-m", "celery", "-A", "engine_app", "worker", "-P", "threads", "-c", "10", "-l", "ERROR"],
    "dramatiq": ["-m", "dramatiq", "engine_app", "-p", "1", "-t", "10"],
    "rq": ["-m", "rq.cli", "worker", "default", "-w", "{rq}", "-q", "--url", "{url}"],
    "taskiq": ["-m", "taskiq", "worker", "engine_app:broker", "-w", "1", "--log-level", "ERROR"],
}
RQ = {False: "rq.SimpleWorker", True: "shiftboss.engines.rq.ShiftbossSimpleWorker"}
# Those that are slow get fewer jobs.
SHARES = {"sidekiq": 10.0, "rq": 0.2}


@dataclass(frozen=True)
class Round:
    """Jobs per second that were pushed and run, and the calls to Redis for each job."""

    pushed: float
    ran: float
    calls: float


def measure(engine: str, url: str, jobs: int, *, batched: bool) -> Round:
    plain = redis.Redis.from_url(url)
    plain.flushall()
    plain.config_resetstat()
    env = {**environment(url, jobs), "BENCH_ENGINE": engine} | ({"BENCH_BATCHED": "1"} if batched else {})
    timed = (
        "import time, engine_app as app; began = time.perf_counter(); app.push({}); print(time.perf_counter() - began)"
    )
    pushing = subprocess.run(
        [PYTHON, "-c", timed.format(jobs)], cwd=PEERS, env=env, check=True, timeout=MOST, capture_output=True
    )
    words = [word.format(url=url, rq=RQ[batched]) for word in WORKERS[engine]]
    with worker([PYTHON, *words], env):
        deadline = time.monotonic() + MOST
        while (seconds := plain.get("bench:seconds")) is None:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{engine} did not end in {MOST:g} s")
            time.sleep(0.2)
        stats = plain.info("commandstats")
        # What asks all the time says nothing about a job; nor do commands that scripts call.
        calls = sum(facts["calls"] for name, facts in stats.items() if name in OUTSIDE)
    return Round(jobs / float(pushing.stdout.split()[-1]), jobs / float(seconds), calls / jobs)


# The commands that clients send themselves; those within scripts are counted too, and part of one call.
OUTSIDE = {
    f"cmdstat_{name}"
    for name in ("evalsha", "eval", "exec", "lpush", "rpush", "brpop", "blmove", "xadd", "xreadgroup", "xack")
}


def main(jobs: int, rounds: int) -> None:
    with server() as url:
        for engine in WORKERS:
            count = round(jobs * SHARES.get(engine, 1.0))
            found: dict[bool, list[Round]] = {False: [], True: []}
            for _ in range(rounds):
                for batched, seen in found.items():
                    seen.append(measure(engine, url, count, batched=batched))
            for batched, seen in found.items():
                pushed, ran, calls = (median(getattr(one, name) for one in seen) for name in ("pushed", "ran", "calls"))
                how = "in a batch" if batched else "alone"
                print(
                    f"{engine:9} {how:11} {pushed:9,.0f} pushed/s  {ran:8,.0f} run/s  {calls:5.2f} calls a job",
                    flush=True,
                )


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(given[0] if given else 2_000, given[1] if len(given) > 1 else 3)
