"""How soon the dashboard answers with much to show: 10,000 batches (half of them below one), 100,000 jobs in a queue,
10,000 dead, 1,000 limiters, 1,000 periodic entries, 200 kinds of jobs measured for eight hours; for every page the median
and the slowest of so many requests to their first byte.

    python benchmarks/dashboard.py [REQUESTS]        default 15; takes about a minute
"""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import redis

from shiftboss import Shiftboss, job, limiters, periodic
from shiftboss.batches import Batch
from shiftboss.embedded import shared_server
from shiftboss.engines.sidekiq.worker.measuring import Row, telling
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import run

BATCHES, JOBS, DEAD, LIMITERS, ENTRIES, KINDS = 10_000, 100_000, 10_000, 1_000, 1_000, 200
WANTED_MS = 200


@job(name="bench.touch")
def touch(number: int) -> None:
    """Nothing."""


def fill(raw: redis.Redis) -> str:
    """The id of the batch with many below it."""
    touch.perform_bulk([(n,) for n in range(JOBS)])
    with raw.pipeline(transaction=False) as pipe:
        for n in range(DEAD):
            said = {
                "class": "bench.touch",
                "args": [n],
                "queue": "default",
                "jid": f"{n:024x}",
                "error_class": "ValueError",
            }
            pipe.zadd("dead", {json.dumps({**said, "error_message": "no", "retry_count": 24}): time.time() - n})
        pipe.execute()
    top = Batch(description="the one with many below it")
    with top.jobs():
        for n in range(BATCHES // 2):
            with Batch(description=f"child {n}", tags=["child"]).jobs():
                touch.perform_async(n)
    for n in range(BATCHES // 2):
        with Batch(description=f"batch {n}", tags=["one"] if n == 7 else ["many"]).jobs():
            touch.perform_async(n)
    for n in range(LIMITERS):
        limiters.bucket(f"limiter-{n}", 100, "hour", wait_timeout=0).acquire(n % 100 + 1)
    return top.bid


def measured(client: Shiftboss) -> None:
    """As if many kinds of jobs had run in each minute of the last eight hours."""
    now = datetime.now(UTC)
    rows = {f"bench.job-{n}": Row(60, 1, 3_000, {5: 40, 9: 20}) for n in range(KINDS)}
    for minute in range(8 * 60):
        client.perform(run(telling(SidekiqKeys(client.namespace), now - timedelta(minutes=minute), rows)))


def first_byte_ms(place: str, path: str) -> float:
    """Milliseconds from the request to the first byte of its answer."""
    connection = http.client.HTTPConnection(place, timeout=30)
    connection.connect()
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    took = (time.perf_counter() - began) * 1000
    assert answer.status == 200, (path, answer.status)
    answer.read()
    connection.close()
    return took


def main(arguments: list[str]) -> None:
    times = int(arguments[0]) if arguments else 15
    server = shared_server()
    client, raw = Shiftboss(server.url), redis.Redis.from_url(server.url)
    with client:
        bid = fill(raw)
        measured(client)
        for n in range(ENTRIES):
            periodic.put(f"entry-{n}", job="bench.touch", cron=f"{n % 60} {n % 24} * * *", timezone="Europe/Berlin")
    paths = {
        "overview": "/", "busy": "/busy", "queues": "/queues", "a queue": "/queue?name=default",
        "a queue, its last page": f"/queue?name=default&page={(JOBS + BATCHES) // 50}", "a job of a queue": "/job?in=queue&queue=default&jid=x&at=0",
        "failures": "/failures", "retries": "/retries", "scheduled": "/scheduled", "dead": "/dead",
        "dead, searched": "/dead?q=nothing", "batches": "/batches", "batches, by tag": "/batches?tag=one",
        "a batch with 5,000 below it": f"/batches/{bid}", "limiters": "/limiters", "a limiter": "/limiter?name=limiter-7",
        "periodic": "/periodic", "an entry": "/entry?name=entry-7",
        "metrics by job": "/stats?hours=8", "metrics of a job": "/stats/job?name=bench.job-7&hours=8",
    }  # fmt: skip
    command = [sys.executable, "-m", "shiftboss.cli", "web", "--redis", server.url, "--port", "0"]
    web = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    assert web.stderr is not None
    try:
        place = next(urlsplit(line.strip()).netloc for line in iter(web.stderr.readline, "") if line.startswith("http"))
        for name, path in paths.items():
            if "job of" in name:
                jid = next(iter(json.loads(text)["jid"] for text in raw.lrange("queue:default", 0, 0)))
                paths[name] = path.replace("jid=x", f"jid={jid}")
            took = [first_byte_ms(place, paths[name]) for _ in range(times + 1)][1:]  # the first compiles the template
            slow = "" if max(took) < WANTED_MS else f"   above {WANTED_MS} ms"
            print(f"{name:<28} {statistics.median(took):6.1f} ms, slowest {max(took):6.1f} ms{slow}")
    finally:
        web.terminate()
        web.wait(10)


if __name__ == "__main__":
    main(sys.argv[1:])
