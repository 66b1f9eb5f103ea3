"""OpenTelemetry spans around the runs of jobs, as children of what pushed them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from shiftboss.engines.sidekiq.middleware import Push, Run, client_middleware, server_middleware
from shiftboss.errors import ConfigError, OverLimit
from shiftboss.jobs import Message

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer, TracerProvider


def trace_jobs(tracer_provider: TracerProvider | None = None) -> Callable[[], None]:
    """Trace the jobs of the built-in engine: in processes that push, and in workers. No round trip.

    A push carries the context of its caller in the payload, in the fields that the propagator writes (``traceparent``), as the
    instrumentation of Ruby's Sidekiq does; so traces go on from one to the other. A run is a span ``process NAME`` with the
    messaging attributes of the conventions. What raises is an error of the span, but for `OverLimit`, which only puts the job
    back. Other engines have instrumentations of their own.

    Args:
        tracer_provider: Where spans go; default the global one.

    Returns:
        A function that ends it.

    Raises:
        ConfigError: OpenTelemetry is not installed.

    Example:
        >>> from shiftboss import metrics
        >>> end = metrics.trace_jobs()
        >>> end()
    """
    try:
        from opentelemetry import trace
    except ImportError as error:
        raise ConfigError("opentelemetry-api is not installed; run: pip install 'shiftboss[metrics]'") from error
    tracer = trace.get_tracer("shiftboss", tracer_provider=tracer_provider)

    def run(message: Message, go_on: Run) -> Any:
        with _span(tracer, message):
            return go_on()

    async def arun(message: Message, go_on: Run) -> Any:
        with _span(tracer, message):
            return await go_on()

    links: list[tuple[Any, Any]] = [(client_middleware, _push), (server_middleware, run), (server_middleware, arun)]
    for chain, link in links:
        chain(link)

    def end() -> None:
        for chain, link in links:
            chain.remove(link)

    return end


def _push(message: Message, push: Push) -> None:
    from opentelemetry import propagate

    carrier: dict[str, str] = {}
    propagate.inject(carrier)
    push(replace(message, options={**message.options, **carrier}) if carrier else message)


@contextmanager
def _span(tracer: Tracer, message: Message) -> Iterator[None]:
    from opentelemetry import propagate
    from opentelemetry.trace import SpanKind, Status, StatusCode

    attributes: dict[str, str | int] = {
        "messaging.system": "sidekiq",
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.destination.name": message.queue,
        "messaging.message.id": message.id,
        "shiftboss.job": message.name,
        "shiftboss.attempt": message.attempt,
    }
    if message.batch is not None:
        attributes["shiftboss.batch.id"] = message.batch.bid
    parent = propagate.extract({name: value for name, value in message.options.items() if isinstance(value, str)})
    with tracer.start_as_current_span(
        f"process {message.name}",
        context=parent,
        kind=SpanKind.CONSUMER,
        attributes=attributes,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        try:
            yield
        except Exception as error:
            span.record_exception(error)
            if not isinstance(error, OverLimit):
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
            raise
