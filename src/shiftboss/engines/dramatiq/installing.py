"""Making a broker's actors take part."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import dramatiq

from shiftboss.belonging import Belonging
from shiftboss.client import Shiftboss
from shiftboss.engines.dramatiq.engine import DramatiqEngine
from shiftboss.engines.dramatiq.messages import place_of, to_message
from shiftboss.engines.dramatiq.middleware import ShiftbossMiddleware
from shiftboss.trusted import trust_modules

RETRIES = 25
# Milliseconds before the first retry of a callback and the longest before one of the others; each waits twice as long.
FIRST_RETRY, LONGEST_RETRY = 15_000, 1_800_000

_belonging: Belonging[dramatiq.Broker, DramatiqEngine] = Belonging(
    DramatiqEngine, "broker", lambda _: "this Dramatiq broker", kind="broker"
)


def install(
    broker: dramatiq.Broker, client: Shiftboss | None = None, *, callback_modules: Sequence[str] = ()
) -> Shiftboss:
    """Let the actors of a broker be members and callbacks of batches. Again is harmless.

    Args:
        broker: The broker, with its other middleware in place.
        client: Where the batches live; its engine is this broker's `DramatiqEngine`. Default the configured client, or one
            that is configured here from the environment.
        callback_modules: Modules beside those of the actors that callbacks may live in.

    Returns:
        The client. No round trip.

    Raises:
        ConfigError: The client has another engine, the broker another client, or there is no such module.
    """
    trust_modules(callback_modules)
    return _belonging.join(broker, client, _set_up)


def client_of(broker: dramatiq.Broker) -> Shiftboss:
    """The client that `install` was given for the broker. No round trip.

    Raises:
        ConfigError: `install` was not called.
    """
    return _belonging.client_of(broker)


def _set_up(broker: dramatiq.Broker, client: Shiftboss, engine: DramatiqEngine) -> None:
    engine.client = client
    broker.enqueue = _collecting(engine, client)  # type: ignore[method-assign]
    broker.add_middleware(ShiftbossMiddleware(client, engine))
    _declare_jobs(broker, client)


def _collecting(engine: DramatiqEngine, client: Shiftboss) -> Callable[..., dramatiq.Message[Any]]:
    """``broker.enqueue``, which all ways to send a message end in: an open jobs block keeps it until it ends."""

    def enqueue(message: dramatiq.Message[Any], *, delay: int | None = None) -> dramatiq.Message[Any]:
        # What has a place already, or comes from Dramatiq's own delay queue, is no new job.
        if place_of(message) is not None:
            return engine.publish(message, delay)
        if "eta" not in message.options and not client.perform(client.pushing([to_message(message, delay)])):
            return message
        return engine.pass_on(message, delay)

    return enqueue


def _declare_jobs(broker: dramatiq.Broker, client: Shiftboss) -> None:
    """Make actors of the jobs that features bring along, a batch's callbacks above all."""
    retries = {"max_retries": RETRIES, "min_backoff": FIRST_RETRY, "max_backoff": LONGEST_RETRY}
    options: dict[str, Any] = {name: value for name, value in retries.items() if name in broker.actor_options}
    for extension in client.extensions.values():
        for name, body in extension.jobs.items():
            if name not in broker.actors:
                dramatiq.actor(broker=broker, actor_name=name, **options)(_named(body))


def _named(body: Callable[..., Any]) -> Callable[..., None]:
    def run(*args: Any) -> None:
        body(*args)

    return run
