"""Which queues `Stats` knows, and who serves them."""

from __future__ import annotations

import json
import time

import pytest

from shiftboss import Queue, Shiftboss, Stats, job
from tests.backends import Backend

pytestmark = [pytest.mark.backends("fake", "embedded", "redis", "acl"), pytest.mark.own_keys]


@job(name="served")
def served() -> None:
    """Nothing."""


def beat(backend: Backend, identity: str, *queues: str, quiet: bool = False) -> None:
    """A heartbeat of a worker."""
    info = {"hostname": "x", "concurrency": 5, "queues": queues, "labels": [], "started_at": 1}
    facts = {"info": json.dumps(info), "busy": 3, "quiet": str(quiet).lower(), "rss": 1, "beat": time.time()}
    backend.raw.sadd("processes", identity)
    backend.raw.hset(identity, mapping=facts)
    backend.raw.expire(identity, 60)


def test_a_queue_knows_how_many_processes_serve_it(client: Shiftboss, backend: Backend) -> None:
    for name in ("low", "nobodys", "quiet"):
        served.set(queue=name).perform_async()
    beat(backend, "a:1:1", "low", "low")  # Ruby says a queue as often as it weighs
    beat(backend, "a:2:2", "low", "quiet", quiet=True)
    beat(backend, "a:3:3", "low")
    stats = Stats.read()
    assert {queue.name: queue.workers for queue in stats.queues} == {"low": 2, "nobodys": 0, "quiet": 0}
    assert (stats.processes, stats.busy) == (3, 9)


def test_what_is_no_heartbeat_serves_nothing(client: Shiftboss, backend: Backend) -> None:
    served.set(queue="low").perform_async()
    beat(backend, "a:1:1", "low")
    backend.raw.hset("a:1:1", mapping={"info": "{"})
    (queue,) = Stats.read().queues
    assert queue.workers == 0


def test_a_paused_queue_is_known_before_its_first_job(client: Shiftboss) -> None:
    Queue("later").pause()
    (queue,) = Stats.read().queues
    assert (queue.name, queue.size, queue.latency, queue.paused) == ("later", 0, 0.0, True)
