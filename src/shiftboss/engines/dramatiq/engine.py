"""`DramatiqEngine`: jobs are messages of a Dramatiq broker."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import dramatiq
import msgspec

from shiftboss.engine import KnownJob, NotPublished
from shiftboss.engines.dramatiq.messages import to_call
from shiftboss.jobs import Message
from shiftboss.later import AHEAD, LONG, put_off
from shiftboss.plan import Plan, run, work

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


class Text(msgspec.Struct):
    """A message as it waits with us: when it is due, in seconds since the epoch, and as Dramatiq encodes it."""

    due: float
    message: bytes


class DramatiqEngine:
    """The side of the engine that publishes.

    Args:
        broker: The broker. Its actors take part once `install` was called.

    Example:
        >>> from dramatiq.brokers.stub import StubBroker
        >>> from shiftboss import Shiftboss
        >>> broker = StubBroker()
        >>> broker.declare_queue("low")
        >>> client = Shiftboss("fake://doc", engine=DramatiqEngine(broker))
        >>> client.perform(client.engine.enqueue([Message("resize", ("a.png",), "low", "ab12")]))
    """

    name = "dramatiq"
    joins_batches = False

    def __init__(self, broker: dramatiq.Broker) -> None:
        self.broker = broker
        self.client: Shiftboss | None = None

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        """Publish messages, one by one; those with `at` with a delay, once that is short.

        Raises:
            NotPublished: The broker is away, or refuses one; it names what was not published.
        """
        yield from work(partial(self._publish, list(messages)))

    def known(self, name: str) -> KnownJob | None:
        """What this process knows of an actor by its name: its queue, and whether it takes no arguments. No round trip."""
        actor = self.broker.actors.get(name)
        return None if actor is None else KnownJob.of(name, actor.fn, actor.queue_name)

    def publish(self, message: dramatiq.Message[Any], delay: int | None = None) -> dramatiq.Message[Any]:
        """Publish a message of ours. One that is due much later waits in Redis until then: milliseconds of delay."""
        if self.client is not None and delay is not None and delay > LONG * 1000:
            due = time.time() + delay / 1000
            text = msgspec.json.encode(Text(due, message.encode())).decode()
            self.client.perform(run(put_off(self.client, self.name, text, due - AHEAD)))
            return message
        return self.pass_on(message, delay)

    def pass_on(self, message: dramatiq.Message[Any], delay: int | None = None) -> dramatiq.Message[Any]:
        """The broker's own ``enqueue``: no feature keeps the message."""
        # The class's own method: the broker's attribute is what collects.
        return type(self.broker).enqueue(self.broker, message, delay=delay)

    def promote(self, text: str) -> None:
        """Publish what was put off, its time being near."""
        kept = msgspec.json.decode(text, type=Text)
        self.publish(dramatiq.Message.decode(kept.message), max(0, round((kept.due - time.time()) * 1000)) or None)

    def _publish(self, messages: Sequence[Message]) -> None:
        published = 0
        try:
            for message in messages:
                self.publish(*to_call(message))
                published += 1
        except Exception as error:
            left = [message.id for message in messages[published:]]
            raise NotPublished(f"{len(left)} of {len(messages)} messages were not published: {error}", left) from error
