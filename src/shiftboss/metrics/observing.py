"""Counting what happens in this process, from its events."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily

from shiftboss import events
from shiftboss.metrics.labels import Label

# Seconds: from a job that does next to nothing to one of an hour; how long one waits at a limiter; how late a tick is.
RUNS = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600)
WAITS = (0.001, 0.005, 0.025, 0.1, 0.5, 1, 2.5, 5, 15, 60)
LATENESS = (0.001, 0.005, 0.02, 0.1, 0.5, 1, 5, 60, 3600)


def observe(registry: CollectorRegistry = REGISTRY) -> Callable[[], None]:
    """Count this process's events in Prometheus metrics, off the hot path. No round trip.

    Labels are bounded: the first 200 names of jobs and of limiters have series of their own, others are ``(other)``.

    Args:
        registry: Where the metrics are.

    Returns:
        A function that ends it and takes the metrics out.

    Raises:
        ValueError: The registry observes already.

    Example:
        >>> from prometheus_client import CollectorRegistry
        >>> from shiftboss import events, metrics
        >>> registry = CollectorRegistry()
        >>> end = metrics.observe(registry)
        >>> events.emit("job.done", name="resize", queue="low", jid="1f", seconds=0.2)
        >>> events.flush()
        True
        >>> registry.get_sample_value("shiftboss_runs_total", {"job": "resize", "outcome": "done"})
        1.0
        >>> end()
    """
    observer = _Observer(registry)
    end = events.subscribe(observer.hear, *observer.heard)

    def stop() -> None:
        end()
        observer.take_out(registry)

    return stop


class _Observer:
    """The metrics of one registry, and which event moves which."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._jobs, self._limiters, self._schedules = Label(), Label(), Label()
        self._runs = Counter(
            "shiftboss_runs",
            "Runs by job and outcome: done, failed, died, put_back",
            ["job", "outcome"],
            registry=registry,
        )
        self._took = Histogram(
            "shiftboss_run_seconds", "How long runs took, by job", ["job"], buckets=RUNS, registry=registry
        )
        self._batches = Counter(
            "shiftboss_batch_events",
            "What became of batches, by event: created, complete, success, death, finished",
            ["event"],
            registry=registry,
        )
        self._refusals = Counter(
            "shiftboss_limiter_refusals", "Refusals by limiter and kind", ["limiter", "kind"], registry=registry
        )
        self._waits = Histogram(
            "shiftboss_limiter_wait_seconds",
            "Waits that ended well, by limiter and kind",
            ["limiter", "kind"],
            buckets=WAITS,
            registry=registry,
        )
        self._ticks = Counter(
            "shiftboss_ticks",
            "Ticks by schedule and outcome: claimed, caught_up, skipped",
            ["schedule", "outcome"],
            registry=registry,
        )
        self._late = Histogram(
            "shiftboss_tick_lateness_seconds",
            "How late ticks were enqueued, by schedule",
            ["schedule"],
            buckets=LATENESS,
            registry=registry,
        )
        self._leads = Gauge(
            "shiftboss_leads", "Whether this process leads, by schedule", ["schedule"], registry=registry
        )
        self._lost = _Lost()
        registry.register(self._lost)
        self._on: dict[str, Callable[[events.Event], None]] = {
            **dict.fromkeys(("job.done", "job.failed", "job.died", "job.put_back"), self._run),
            **dict.fromkeys(
                ("batch.created", "batch.complete", "batch.success", "batch.death", "batch.finished"), self._batch
            ),
            "limiter.over_limit": self._refusal,
            "limiter.waited": self._wait,
            **dict.fromkeys(("tick.claimed", "tick.caught_up", "tick.skipped"), self._tick),
            **dict.fromkeys(("leader.elected", "leader.deposed"), self._leader),
        }
        self.heard = tuple(self._on)

    def hear(self, event: events.Event) -> None:
        self._on[event.name](event)

    def take_out(self, registry: CollectorRegistry) -> None:
        metrics = (self._runs, self._took, self._batches, self._refusals, self._waits, self._ticks, self._late)
        for one in (*metrics, self._leads, self._lost):
            registry.unregister(one)

    def _run(self, event: events.Event) -> None:
        job = self._jobs.of(event.data["name"])
        self._runs.labels(job, _last(event.name)).inc()
        if "seconds" in event.data:
            self._took.labels(job).observe(event.data["seconds"])

    def _batch(self, event: events.Event) -> None:
        self._batches.labels(_last(event.name)).inc()

    def _refusal(self, event: events.Event) -> None:
        self._refusals.labels(self._limiters.of(event.data["limiter"]), event.data["kind"]).inc()

    def _wait(self, event: events.Event) -> None:
        limiter = self._limiters.of(event.data["limiter"])
        self._waits.labels(limiter, event.data["kind"]).observe(event.data["seconds"])

    def _tick(self, event: events.Event) -> None:
        schedule = self._schedules.of(event.data["schedule"])
        self._ticks.labels(schedule, _last(event.name)).inc()
        if event.name == "tick.claimed":
            self._late.labels(schedule).observe(event.data["lateness"])

    def _leader(self, event: events.Event) -> None:
        self._leads.labels(self._schedules.of(event.data["schedule"])).set(event.name == "leader.elected")


class _Lost:
    """Events that observing was too slow for; `shiftboss.events` counts them itself."""

    def collect(self) -> list[CounterMetricFamily]:
        lost = CounterMetricFamily("shiftboss_events_lost", "Events that no metric counts: there were too many at once")
        lost.add_metric([], events.lost())
        return [lost]


def _last(name: str) -> str:
    return name.rpartition(".")[2]
