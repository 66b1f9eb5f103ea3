"""Claim: what a batch adds to a job is a few calls to Redis, on every engine.

On each engine no-op jobs are pushed and then run by one worker: alone, in a batch, in a batch with a callback, and with what
the engine itself has to call something back; in turn, and the median of the rounds counts. Measured are jobs per second
pushed, jobs per second run (until the callback has run, where there is one), and the calls that Redis counted for each job of
both together.

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
# What is set in the environment, by what it is called.
WAYS = {
    "alone": {},
    "in a batch": {"BENCH_BATCHED": "1"},
    "in a batch, called back": {"BENCH_BATCHED": "1", "BENCH_CALLBACK": "1"},
    "called back by its own means": {"BENCH_CALLBACK": "1"},
}
# Those that have such means: a chord, a group's callback, a job that depends on all.
CALL_BACK = {"celery", "dramatiq", "rq"}
RQ = {False: "rq.SimpleWorker", True: "shiftboss.engines.rq.ShiftbossSimpleWorker"}
# Those that are slow get fewer jobs.
SHARES = {"sidekiq": 10.0, "rq": 0.2}


@dataclass(frozen=True)
class Round:
    """Jobs per second that were pushed and run, and the calls to Redis for each job."""

    pushed: float
    ran: float
    calls: float


def measure(engine: str, url: str, jobs: int, way: dict[str, str]) -> Round:
    plain = redis.Redis.from_url(url)
    plain.flushall()
    plain.config_resetstat()
    env = {**environment(url, jobs), "BENCH_ENGINE": engine, **way}
    timed = (
        "import time, engine_app as app; began = time.perf_counter(); app.push({}); print(time.perf_counter() - began)"
    )
    pushing = subprocess.run(
        [PYTHON, "-c", timed.format(jobs)], cwd=PEERS, env=env, check=True, timeout=MOST, capture_output=True
    )
    words = [word.format(url=url, rq=RQ["BENCH_BATCHED" in way]) for word in WORKERS[engine]]
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
            ways = {name: way for name, way in WAYS.items() if "BENCH_BATCHED" in way or not way or engine in CALL_BACK}
            found: dict[str, list[Round]] = {name: [] for name in ways}
            for _ in range(rounds):
                for name, way in ways.items():
                    found[name].append(measure(engine, url, count, way))
            for name, seen in found.items():
                pushed, ran, calls = (median(getattr(one, what) for one in seen) for what in ("pushed", "ran", "calls"))
                print(
                    f"{engine:9} {name:28} {pushed:9,.0f} pushed/s  {ran:8,.0f} run/s  {calls:5.2f} calls a job",
                    flush=True,
                )


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:]]
    main(given[0] if given else 2_000, given[1] if len(given) > 1 else 3)
