"""taskiq's messages as ours, and back. What ours have no place for stays in taskiq's own, kept in the options."""

from __future__ import annotations

import json
import time
from typing import Any

from taskiq import AsyncBroker, TaskiqMessage

from shiftboss.jobs import OPTIONS, PLACE, CallbackOf, Member, Message, place_from, place_to

# The option of a message in which taskiq's own waits for the end of a block.
KEPT = "taskiq"
# Labels, which taskiq carries through retries and redeliveries, as JSON: the job's place in a batch, what features want to
# remember of it, and how often one of ours has failed.
FAILURES = "sbf"
# taskiq's own: where it goes, seconds until it is due, how often it was retried.
QUEUE, DELAY, RETRIES = "queue_name", "delay", "_retries"
DEFAULT_QUEUE = "default"


def own_queue(broker: AsyncBroker) -> str:
    """The queue that a broker sends to unless a label says otherwise."""
    return str(getattr(broker, QUEUE, DEFAULT_QUEUE))


def to_message(broker: AsyncBroker, theirs: TaskiqMessage) -> Message:
    """What a call of ``broker.kick`` asks for."""
    return _message(broker, theirs, due_of(theirs), {**_options(theirs), KEPT: theirs})


def arrived(broker: AsyncBroker, theirs: TaskiqMessage) -> Message:
    """The message of a task that is run."""
    return _message(broker, theirs, None, _options(theirs))


def to_theirs(broker: AsyncBroker, message: Message) -> TaskiqMessage:
    """What is to be kicked."""
    theirs = message.options.get(KEPT)
    if not isinstance(theirs, TaskiqMessage):
        theirs = TaskiqMessage(
            task_id=message.id, task_name=message.name, labels={}, args=list(message.args), kwargs={}
        )
        if message.queue not in {DEFAULT_QUEUE, own_queue(broker)}:
            theirs.labels[QUEUE] = message.queue
    theirs.labels.pop(DELAY, None)
    if message.batch is not None:
        theirs.labels[PLACE] = json.dumps(place_to(message.batch))
    remembered = {name: value for name, value in message.options.items() if name != KEPT}
    if remembered:
        theirs.labels[OPTIONS] = json.dumps(remembered)
    return theirs


def place_of(theirs: TaskiqMessage) -> Member | CallbackOf | None:
    """The place that the message's labels tell of."""
    return place_from(_loaded(theirs, PLACE))


def due_of(theirs: TaskiqMessage) -> float | None:
    """When a message that is about to be sent is due, in seconds since the epoch; None means now."""
    delay = theirs.labels.get(DELAY)
    return None if delay is None else time.time() + float(delay)


def failures_of(theirs: TaskiqMessage) -> int:
    """How often it has failed before."""
    return int(theirs.labels.get(FAILURES) or theirs.labels.get(RETRIES) or 0)


def _message(broker: AsyncBroker, theirs: TaskiqMessage, at: float | None, options: dict[str, Any]) -> Message:
    queue = str(theirs.labels.get(QUEUE) or own_queue(broker))
    args = tuple(theirs.args)
    return Message(theirs.task_name, args, queue, theirs.task_id, at, place_of(theirs), options, failures_of(theirs))


def _options(theirs: TaskiqMessage) -> dict[str, Any]:
    options = _loaded(theirs, OPTIONS)
    return options if isinstance(options, dict) else {}


def _loaded(theirs: TaskiqMessage, label: str) -> Any:
    try:
        return json.loads(theirs.labels.get(label, "null"))
    except (TypeError, ValueError):
        return None
