"""An engine whose worker is the test: it queues what is pushed, and a test says how each job ends."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any

from shiftboss import outbox
from shiftboss.batches import calls
from shiftboss.client import Shiftboss
from shiftboss.jobs import CallbackOf, CurrentJob, Member, Message, Outcome, running
from shiftboss.keys import BatchKeys
from shiftboss.plan import Plan, deliver, work
from shiftboss.scripts import Call, command

CODES = {Outcome.SUCCEEDED: "s", Outcome.FAILED: "f", Outcome.DIED: "d"}


class Crew:
    """Runs jobs in the order they came, when it is told to."""

    name = "crew"
    joins_batches = False

    def __init__(self) -> None:
        self.queue: list[Message] = []
        self.ran: list[Message] = []

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        yield from work(lambda: self.queue.extend(messages))

    @property
    def members(self) -> list[Message]:
        return [message for message in self.queue if isinstance(message.batch, Member)]

    @property
    def callbacks(self) -> list[Message]:
        return [message for message in self.queue if isinstance(message.batch, CallbackOf)]


class Site:
    """A client, its crew, and what happened on it."""

    def __init__(self, client: Shiftboss, crew: Crew) -> None:
        self.client = client
        self.crew = crew

    def push(self, *args: Any, queue: str = "low") -> str:
        """Push a job, as `perform_async` does."""
        message = Message("job", args, queue, secrets.token_hex(12))
        self.client.perform(self.client.push([message]))
        return message.id

    def age(self, keys: BatchKeys, milliseconds: int) -> None:
        """As if a batch had been active last so long ago."""
        for moment in ("touched", "rate_at"):
            self.client.store.run(command("HINCRBY", [keys.record], [moment, -milliseconds], int))

    def exists(self, key: str) -> Call[int]:
        return command("EXISTS", [key], [], int)

    async def apush(self, *args: Any) -> str:
        message = Message("job", args, "low", secrets.token_hex(12))
        await self.client.aperform(self.client.push([message]))
        return message.id

    def end(self, message: Message, outcome: Outcome = Outcome.SUCCEEDED, *, keep: bool = False) -> list[str]:
        """End a member so; returns what it set off. `keep` leaves it in the queue, to end once more."""
        if not keep and message in self.crew.queue:
            self.crew.queue.remove(message)
        place = message.batch
        assert isinstance(place, Member)
        keys = self.client.batch_keys(place.bid)
        sent = self.client.perform(
            deliver(calls.ack(keys, place.bid, message.queue, outbox.GRACE, [place.position, CODES[outcome], ""]))
        )
        self.client.perform(outbox.settle(self.client, keys.out, sent.result, resent=sent.resent))
        return sent.result

    def end_all(self, outcome: Outcome = Outcome.SUCCEEDED) -> None:
        """End all members so."""
        for message in list(self.crew.members):
            self.end(message, outcome)

    def call_back(self) -> None:
        """Run the callback jobs that are queued, to success."""
        while self.crew.callbacks:
            message = self.crew.callbacks[0]
            self.crew.queue.remove(message)
            self.run(message)

    def run(self, message: Message) -> None:
        """Run one callback job as a worker does."""
        extension = self.client.extensions["batch"]
        self.crew.ran.append(message)
        try:
            with running(CurrentJob(message.id, message.queue, message)):
                if message.name in extension.jobs:
                    extension.jobs[message.name](*message.args)
        except Exception as error:
            self.client.perform(extension.finished(message, Outcome.FAILED, error))
            raise
        self.client.perform(extension.finished(message, Outcome.SUCCEEDED, None))
