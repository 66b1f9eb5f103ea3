"""Dramatiq's messages as ours, and back. What ours have no place for stays in Dramatiq's own, kept in the options."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import dramatiq

from shiftboss.jobs import OPTIONS, PLACE, CallbackOf, Member, Message, place_from, place_to

Theirs = dramatiq.Message[Any] | dramatiq.MessageProxy
KEPT = "dramatiq"
# Options of a message, which Dramatiq carries through retries, redeliveries and delays: the job's place in a batch, and what
# features want to remember of it.


def to_message(message: dramatiq.Message[Any], delay: int | None) -> Message:
    """What a call of ``broker.enqueue`` asks for.

    Args:
        message: The message.
        delay: Milliseconds, or None.
    """
    at = None if not delay else time.time() + delay / 1000
    return _message(message, at, {**_options(message), KEPT: message})


def arrived(message: Theirs) -> Message:
    """The message of an actor that is run."""
    return replace(_message(message, None, _options(message)), attempt=message.options.get("retries", 0))


def to_call(message: Message) -> tuple[dramatiq.Message[Any], int | None]:
    """What ``broker.enqueue`` is to be called with: a message, and milliseconds of delay or None."""
    kept = message.options.get(KEPT)
    if kept is None:
        kept = dramatiq.Message(message.queue, message.name, message.args, {}, {}, message_id=message.id)
    if message.batch is not None:
        kept.options[PLACE] = place_to(message.batch)
    remembered = {key: value for key, value in message.options.items() if key != KEPT}
    if remembered:
        kept.options[OPTIONS] = remembered
    return kept, None if message.at is None else max(0, round((message.at - time.time()) * 1000))


def place_of(message: Theirs) -> Member | CallbackOf | None:
    """The place that the message's options tell of."""
    return place_from(message.options.get(PLACE))


def _message(message: Theirs, at: float | None, options: dict[str, Any]) -> Message:
    args = tuple(message.args)
    return Message(message.actor_name, args, message.queue_name, message.message_id, at, place_of(message), options)


def _options(message: Theirs) -> dict[str, Any]:
    options = message.options.get(OPTIONS)
    return options if isinstance(options, dict) else {}
