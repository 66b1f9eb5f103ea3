"""`DramatiqEngine`: jobs are messages of a Dramatiq broker."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import dramatiq

from shiftboss.engines.dramatiq.messages import to_call
from shiftboss.jobs import KnownJob, Message, NotPublished
from shiftboss.plan import Plan, work


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

    joins_batches = False

    def __init__(self, broker: dramatiq.Broker) -> None:
        self.broker = broker

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        """Publish messages, one by one; those with `at` with a delay.

        Raises:
            NotPublished: The broker is away, or refuses one; it names what was not published.
        """
        yield from work(partial(self._publish, list(messages)))

    def known(self, name: str) -> KnownJob | None:
        """What this process knows of an actor by its name: its queue, and whether it takes no arguments. No round trip."""
        actor = self.broker.actors.get(name)
        return None if actor is None else KnownJob.of(name, actor.fn, actor.queue_name)

    def publish(self, message: dramatiq.Message[Any], delay: int | None = None) -> dramatiq.Message[Any]:
        """The broker's own ``enqueue``: no feature keeps the message."""
        # The class's own method: the broker's attribute is what collects.
        return type(self.broker).enqueue(self.broker, message, delay=delay)

    def _publish(self, messages: Sequence[Message]) -> None:
        published = 0
        try:
            for message in messages:
                self.publish(*to_call(message))
                published += 1
        except Exception as error:
            left = [message.id for message in messages[published:]]
            raise NotPublished(f"{len(left)} of {len(messages)} messages were not published: {error}", left) from error
