"""What Redis holds, read when Prometheus asks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from prometheus_client import REGISTRY, CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from redis.exceptions import RedisError

from shiftboss import periodic
from shiftboss.batches import BatchSet
from shiftboss.client import current_client
from shiftboss.engines.sidekiq.sets import Stats
from shiftboss.metrics.labels import MOST

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


class State:
    """A Prometheus collector of queues, sets, processes, batches and schedules. A few round trips a scrape, and a few for each
    schedule.

    Args:
        client: Whose; default the current client when it is scraped.
    """

    def __init__(self, client: Shiftboss | None = None) -> None:
        self._client = client

    def describe(self) -> list[Metric]:
        """Nothing: what there is is read when it is asked for, and registering asks for nothing."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read it now. While Redis is away there is ``shiftboss_up 0`` and nothing else."""
        client = self._client or current_client()
        found: list[Metric] = []
        try:
            if client.server.kind != "cluster":
                found += _jobs(Stats.read(client=client))
            found.append(_gauge("shiftboss_batches", "Batches that are kept", len(BatchSet(client=client))))
            found += _schedules(client)
        except (RedisError, OSError):
            found = []
        yield _gauge("shiftboss_up", "Whether Redis answered", bool(found))
        yield from found


def watch_state(client: Shiftboss | None = None, registry: CollectorRegistry = REGISTRY) -> Callable[[], None]:
    """Add what Redis holds to the metrics. Once for each Redis: every process would tell the same.

    Args:
        client: Whose; default the current client when it is scraped.
        registry: Where the metrics are.

    Returns:
        A function that takes them out.
    """
    state = State(client)
    registry.register(state)
    return lambda: registry.unregister(state)


def _jobs(stats: Stats) -> Iterator[Metric]:
    for name, about, count in (
        ("shiftboss_processed_runs", "Runs of all workers, failed ones too", stats.processed),
        ("shiftboss_failed_runs", "Failed runs of all workers", stats.failed),
    ):
        counter = CounterMetricFamily(name, about)
        counter.add_metric([], count)
        yield counter
    yield _gauge("shiftboss_scheduled_jobs", "Jobs that are due later", stats.scheduled)
    yield _gauge("shiftboss_retry_jobs", "Jobs that have failed and will run again", stats.retries)
    yield _gauge("shiftboss_dead_jobs", "Jobs that will not run again", stats.dead)
    yield _gauge("shiftboss_processes", "Worker processes", stats.processes)
    yield _gauge("shiftboss_busy_jobs", "Jobs that run", stats.busy)
    size = GaugeMetricFamily("shiftboss_queue_jobs", "Jobs that wait, by queue", labels=["queue"])
    latency = GaugeMetricFamily(
        "shiftboss_queue_latency_seconds", "How long the oldest job has waited, by queue", labels=["queue"]
    )
    paused = GaugeMetricFamily("shiftboss_queue_paused", "Whether a queue rests, by queue", labels=["queue"])
    for queue in stats.queues[:MOST]:
        size.add_metric([queue.name], queue.size)
        latency.add_metric([queue.name], queue.latency)
        paused.add_metric([queue.name], queue.paused)
    yield from (size, latency, paused)


def _schedules(client: Shiftboss) -> Iterator[Metric]:
    entries = GaugeMetricFamily(
        "shiftboss_schedule_entries",
        "Entries by schedule, and whether they are paused: yes, no",
        labels=["schedule", "paused"],
    )
    led = GaugeMetricFamily("shiftboss_schedule_led", "Whether there is a leader, by schedule", labels=["schedule"])
    overdue = GaugeMetricFamily(
        "shiftboss_schedule_overdue_seconds", "How late the next tick is, by schedule", labels=["schedule"]
    )
    for name in periodic.schedules(client=client)[:MOST]:
        found = periodic.entries(name, client=client)
        resting = sum(one.paused for one in found)
        entries.add_metric([name, "no"], len(found) - resting)
        entries.add_metric([name, "yes"], resting)
        led.add_metric([name], periodic.leader(name, client=client) is not None)
        due = min((one.next_at.timestamp() for one in found if one.next_at and not one.paused), default=None)
        overdue.add_metric([name], 0 if due is None else max(0.0, time.time() - due))
    yield from (entries, led, overdue)


def _gauge(name: str, about: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, about, value=float(value))
