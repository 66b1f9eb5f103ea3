"""Metrics: of what happens in a process, and of what Redis holds."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from shiftboss import Queue, events, job, metrics, periodic
from shiftboss.batches import Batch
from shiftboss.client import Shiftboss
from shiftboss.errors import ConfigError
from shiftboss.metrics.labels import MOST, OTHER
from tests.backends import Backend
from tests.servers import free_port, free_ports
from tests.waiting import wait_until


@job(name="metrics.nothing", queue="measured")
def nothing() -> None: ...


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def observed(registry: CollectorRegistry) -> Iterator[Callable[..., float | None]]:
    """What the metrics of this process say, once all events have been told."""
    end = metrics.observe(registry)

    def sample(name: str, **labels: str) -> float | None:
        assert events.flush()
        return registry.get_sample_value(name, labels)

    yield sample
    end()


def families(registry: CollectorRegistry) -> dict[str, dict[tuple[str, ...], float]]:
    """All samples by name and the values of labels in order of their names, as Prometheus reads them."""
    text, kind = metrics.exposition(registry)
    assert kind.startswith("text/plain")
    return {
        family.name: {
            tuple(value for _, value in sorted(sample.labels.items())): sample.value for sample in family.samples
        }
        for family in text_string_to_metric_families(text.decode())
    }


def test_runs_are_counted_by_job_and_outcome(observed: Callable[..., float | None]) -> None:
    facts = {"name": "resize", "queue": "low", "jid": "1f"}
    for _ in range(3):
        events.emit("job.done", **facts, seconds=0.2)
    events.emit("job.died", **facts, seconds=0.2, error="ValueError")
    events.emit("job.put_back", **facts, reason="rescheduled")
    assert observed("shiftboss_runs_total", job="resize", outcome="done") == 3
    assert observed("shiftboss_runs_total", job="resize", outcome="died") == 1
    assert observed("shiftboss_runs_total", job="resize", outcome="put_back") == 1
    assert observed("shiftboss_run_seconds_count", job="resize") == 4
    assert observed("shiftboss_run_seconds_bucket", job="resize", le="0.5") == 4
    assert observed("shiftboss_run_seconds_bucket", job="resize", le="0.1") == 0


def test_batches_limiters_ticks_and_leaders_are_counted(observed: Callable[..., float | None]) -> None:
    events.emit("batch.success", bid="3f")
    events.emit("limiter.over_limit", limiter="erp", kind="concurrent", retry_after=None)
    events.emit("limiter.waited", limiter="erp", kind="concurrent", seconds=0.3)
    tick = {"schedule": "billing", "entry": "nightly", "planned": 0.0}
    events.emit("tick.claimed", **tick, lateness=0.004, jid="1f")
    events.emit("tick.skipped", **tick, reason="overlap")
    events.emit("leader.elected", schedule="billing", term=7)
    assert observed("shiftboss_batch_events_total", event="success") == 1
    assert observed("shiftboss_limiter_refusals_total", limiter="erp", kind="concurrent") == 1
    assert observed("shiftboss_limiter_wait_seconds_sum", limiter="erp", kind="concurrent") == pytest.approx(0.3)
    assert observed("shiftboss_ticks_total", schedule="billing", outcome="claimed") == 1
    assert observed("shiftboss_ticks_total", schedule="billing", outcome="skipped") == 1
    assert observed("shiftboss_tick_lateness_seconds_bucket", schedule="billing", le="0.005") == 1
    assert observed("shiftboss_leads", schedule="billing") == 1
    events.emit("leader.deposed", schedule="billing", term=7, reason="resigned")
    assert observed("shiftboss_leads", schedule="billing") == 0


def test_label_values_are_bounded(observed: Callable[..., float | None]) -> None:
    for n in range(MOST + 50):
        events.emit("job.done", name=f"customer-{n}", queue="low", jid="1f", seconds=0.0)
    assert observed("shiftboss_runs_total", job="customer-0", outcome="done") == 1
    assert observed("shiftboss_runs_total", job=OTHER, outcome="done") == 50


def test_nothing_is_counted_after_the_end(registry: CollectorRegistry) -> None:
    end = metrics.observe(registry)
    end()
    assert families(registry) == {}
    metrics.observe(registry)()


@pytest.mark.backends("fake", "redis")
def test_the_state_of_redis(client: Shiftboss, registry: CollectorRegistry) -> None:
    with Batch().jobs():
        nothing.perform_async()
    nothing.perform_in(60)
    Queue("measured").pause()
    periodic.put("nightly", cron="0 3 * * *", job=nothing, schedule="billing")
    periodic.put("hourly", cron="0 * * * *", job=nothing, schedule="billing")
    periodic.pause("hourly", "billing")
    metrics.watch_state(client, registry)
    found = families(registry)
    assert found["shiftboss_up"] == {(): 1}
    assert found["shiftboss_queue_jobs"] == {("measured",): 1}
    assert found["shiftboss_queue_paused"] == {("measured",): 1}
    assert found["shiftboss_scheduled_jobs"] == {(): 1}
    assert found["shiftboss_batches"] == {(): 1}
    assert found["shiftboss_schedule_entries"] == {("no", "billing"): 1, ("yes", "billing"): 1}
    assert found["shiftboss_schedule_led"] == {("billing",): 0}
    assert found["shiftboss_schedule_overdue_seconds"] == {("billing",): 0}


@pytest.mark.backends("cluster")
def test_a_cluster_has_no_queues_of_ours_and_the_rest(client: Shiftboss, registry: CollectorRegistry) -> None:
    metrics.watch_state(client, registry)
    found = families(registry)
    assert found["shiftboss_up"] == {(): 1}
    assert "shiftboss_queue_jobs" not in found


def test_while_redis_is_away_only_that_is_told(registry: CollectorRegistry) -> None:
    metrics.watch_state(Shiftboss("unix:///nonexistent/redis.sock"), registry)
    assert families(registry) == {"shiftboss_up": {(): 0}}


def test_serving(registry: CollectorRegistry) -> None:
    end = metrics.observe(registry)
    port = free_port()
    stop = metrics.serve(port, registry)
    try:
        events.emit("batch.created", bid="3f", description="")
        assert events.flush()
        assert 'shiftboss_batch_events_total{event="created"} 1.0' in read(port)
        with pytest.raises(ConfigError, match=f"metrics cannot be served at 127.0.0.1:{port}: Address already in use"):
            metrics.serve(f"127.0.0.1:{port}", registry)
    finally:
        stop()
        end()


@pytest.mark.parametrize("where", ["", "here", "1.2.3.4:", ":-1", "99999", "1.2.3.4:http"])
def test_what_is_no_address_is_refused(where: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"like 9394 or 0.0.0.0:9394, got {where!r}")):
        metrics.serve(where)


@pytest.mark.backends("redis")
def test_worker_processes_show_theirs_on_ports_in_a_row(backend: Backend, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from shiftboss import job\n\n\n@job(name='shown')\ndef shown() -> None: ...\n")
    port = free_ports()
    command = [str(Path(sys.executable).with_name("shiftboss")), "worker", "--redis", backend.url, "--require", "app"]
    command += ["--processes", "2", "--metrics", str(port)]
    worker = subprocess.Popen(command, cwd=tmp_path)
    try:
        for place in (port, port + 1):
            wait_until(lambda place=place: "shiftboss_events_lost_total 0.0" in read(place), what="metrics")  # type: ignore[misc]
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(20) == 0


def read(port: int) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            return str(answer.read().decode())
    except OSError:
        return ""
