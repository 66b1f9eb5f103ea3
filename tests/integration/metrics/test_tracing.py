"""Spans around runs: where they belong, what they say, and what is an error."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from shiftboss import OverLimit, Shiftboss, job, metrics
from shiftboss.batches import Batch
from shiftboss.engines.sidekiq.worker import Worker
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("embedded")


@job(name="traced", queue="low")
def traced() -> None: ...


@job(name="atraced")
async def atraced() -> None:
    await asyncio.sleep(0)


@job(name="traced.fails", retry=0)
def fails() -> None:
    raise LookupError("as told")


@job(name="traced.over", retry=0)
def over() -> None:
    raise OverLimit("as told", "none", None)


@job(name="traced.pushes")
def pushes() -> None:
    traced.perform_async()


@pytest.fixture
def provider() -> TracerProvider:
    return TracerProvider()


@pytest.fixture
def spans(provider: TracerProvider) -> Iterator[InMemorySpanExporter]:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    end = metrics.trace_jobs(provider)
    yield exporter
    end()


def ended(spans: InMemorySpanExporter, count: int) -> list[ReadableSpan]:
    wait_until(lambda: len(spans.get_finished_spans()) >= count, what=f"{count} spans")
    return list(spans.get_finished_spans())


def test_a_run_is_a_child_of_what_pushed_it(
    client: Shiftboss, provider: TracerProvider, spans: InMemorySpanExporter
) -> None:
    with Worker(client, ["default", "low"]), provider.get_tracer("test").start_as_current_span("request") as request:
        batch = Batch()
        with batch.jobs():
            jid = traced.perform_async()
        atraced.perform_async()
        batch.join(timeout=10)
        runs = {span.name: span for span in ended(spans, 2)}
    run = runs["process traced"]
    assert set(runs) == {"process traced", "process atraced"}
    assert all(one.parent.span_id == request.get_span_context().span_id for one in runs.values())  # type: ignore[union-attr]
    assert run.kind is SpanKind.CONSUMER
    assert dict(run.attributes or {}) == {
        "messaging.system": "sidekiq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": "low",
        "messaging.message.id": jid,
        "shiftboss.job": "traced",
        "shiftboss.attempt": 0,
        "shiftboss.batch.id": batch.bid,
    }


def test_a_job_that_pushes_another_is_its_parent(client: Shiftboss, spans: InMemorySpanExporter) -> None:
    with Worker(client, ["default", "low"]):
        pushes.perform_async()
        first, second = sorted(ended(spans, 2), key=lambda span: span.name)[::-1]
    assert (first.name, second.name) == ("process traced.pushes", "process traced")
    assert first.parent is None
    assert second.context.trace_id == first.context.trace_id
    assert second.parent is not None
    assert second.parent.span_id == first.context.span_id


def test_what_raises_is_an_error_but_being_over_a_limit_is_none(client: Shiftboss, spans: InMemorySpanExporter) -> None:
    with Worker(client):
        fails.perform_async()
        over.perform_async()
        found = {span.name: span for span in ended(spans, 2)}
    failed, put_back = found["process traced.fails"], found["process traced.over"]
    assert (failed.status.status_code, failed.status.description) == (StatusCode.ERROR, "LookupError")
    assert [event.name for event in failed.events] == ["exception"]
    assert put_back.status.status_code is StatusCode.UNSET


def test_what_was_ended_traces_no_more(client: Shiftboss, provider: TracerProvider) -> None:
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    metrics.trace_jobs(provider)()
    batch = Batch()
    with Worker(client, ["low"]):
        with batch.jobs():
            traced.perform_async()
        batch.join(timeout=10)
    assert exporter.get_finished_spans() == ()
