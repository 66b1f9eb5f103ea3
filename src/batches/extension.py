"""What batches do in the life of jobs: keep those of an open block, run callbacks, look after what was left behind."""

from __future__ import annotations

import asyncio
import inspect
import logging
import secrets
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from shiftboss.errors import BatchError, BatchNotFound
from shiftboss.jobs import CallbackOf, Extension, Member, Message, Outcome, joining
from shiftboss.keys import SHARDS, ShardKeys
from shiftboss.outbox import GRACE, perform, settle, strike_off
from shiftboss.plan import Plan, deliver, run, run_many

from . import calls
from .batch import Batch
from .block import current_block
from .callbacks import JOB, Callback, call

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.batches")
CALLBACK_JOB = "shiftboss.batches.callback"
DEFAULT_QUEUE = "default"
# How a member ended, for lua/lib/members.lua; what is not here did not run.
OUTCOMES = {Outcome.SUCCEEDED: "s", Outcome.FAILED: "f", Outcome.DIED: "d"}
# What a child tells its parent, as an outcome of its place there; see lua/lib/members.lua.
CODES = {"ran": "F", "done": "S", "dead": "D", "death": "W", "touch": "T"}
# Milliseconds after which a run of a callback that gave no sign counts as dead, and a copy may start.
RUN_LEASE = 60_000


class BatchExtension(Extension):
    """The batches of one client, as its engine meets them."""

    def __init__(self, client: Shiftboss) -> None:
        self._client = client
        self.jobs = {CALLBACK_JOB: partial(run_callback, client)}

    def pushing(self, messages: Sequence[Message]) -> Plan[Sequence[Message]]:
        """Keep what an open block of this client collects."""
        block = current_block()
        if block is None or block.batch.client is not self._client:
            return messages
        yield from block.collect([message for message in messages if message.batch is None])
        return [message for message in messages if message.batch is not None]

    def finished(self, message: Message, outcome: Outcome, error: BaseException | None) -> Plan[None]:  # noqa: ARG002
        """Record how a member or a callback ended. Our own callback job records its success itself, before it can be run
        again; an engine that joins batches records members itself.
        """
        of = message.batch
        if isinstance(of, Member) and outcome in OUTCOMES:
            keys = self._client.batch_keys(of.bid)
            report = calls.ack(keys, of.bid, message.queue, GRACE, [of.position, OUTCOMES[outcome]])
            sent = yield from deliver(report)
            yield from settle(self._client, keys.out, sent.result, resent=sent.resent)
        if not isinstance(of, CallbackOf):
            return
        done = outcome is Outcome.SUCCEEDED and message.name != CALLBACK_JOB
        if done or outcome is Outcome.DIED:
            yield from finish(self._client, of, "", "done" if done else "died")

    def perform(self, item: str, out: str) -> Plan[None]:
        """Do what an outbox item says: enqueue a callback, or tell a parent; once."""
        _, kind, bid, *rest = item.split("|")
        if kind == "callback":
            yield from self._enqueue(CallbackOf(bid, rest[0], int(rest[1])), item, out)
        elif kind == "up":
            yield from self._tell_parent(bid, CODES[rest[0]], item, out)

    def _enqueue(self, of: CallbackOf, item: str, out: str) -> Plan[None]:
        keys = self._client.batch_keys(of.bid)
        names = [f"call:{of.event}:{of.index}", f"run:{of.event}:{of.index}"]
        names += ["callback_queue", f"queue:{of.event}", "queue"]
        stored, state, own_queue, *queues = yield from run(calls.fields(keys, names))
        if stored is None or state == "done":
            yield from run(strike_off(out, item))
            return
        callback = Callback.from_json(stored)
        queue = next(filter(None, [own_queue, callback.queue, *queues]), DEFAULT_QUEUE)
        message = callback_message(of, callback, queue)
        engine = joining(self._client.engine)
        if engine is not None:
            yield from run(engine.hand_over(message, out, item))
        else:
            yield from self._client.engine.enqueue([message])
            yield from run(strike_off(out, item))

    def _tell_parent(self, bid: str, code: str, item: str, out: str) -> Plan[None]:
        parent, place, queue = yield from run(calls.fields(self._client.batch_keys(bid), ["parent", "place", "queue"]))
        if parent is not None and place is not None:
            keys = self._client.batch_keys(parent)
            told = yield from deliver(calls.ack(keys, parent, queue or "", GRACE, [int(place), code]))
            yield from settle(self._client, out, told.result, resent=told.resent)
        yield from run(strike_off(out, item))

    def tend(self) -> Plan[None]:
        """Mark batches broken whose block's owner is gone."""
        shards = [ShardKeys(self._client.namespace, f"{shard:02x}") for shard in range(SHARDS)]
        overdue = yield from run_many([calls.overdue(shard, 100) for shard in shards])
        for block in (block for blocks in overdue for block in blocks):
            bid, _, token = block.partition("|")
            keys = self._client.batch_keys(bid)
            abandoned = yield from run(calls.abandon(keys, bid, token, GRACE, "", True))
            if abandoned.status == "ok":
                log.warning("batch %s is broken: the process that was adding to it is gone", bid)
            yield from perform(self._client, keys.out, abandoned.items)


def callback_message(of: CallbackOf, callback: Callback, queue: str) -> Message:
    """The job that calls a callback, with an id that follows from what it is."""
    jid = sha256(f"{of.bid}|{of.event}|{of.index}".encode()).hexdigest()[:24]
    if callback.target.startswith(JOB):
        args = (of.bid, dict(callback.options))
        return Message(callback.target.removeprefix(JOB), args, queue, jid, batch=of, options=callback.carried)
    return Message(CALLBACK_JOB, (of.bid, of.event, of.index), queue, jid, batch=of)


def run_callback(client: Shiftboss, bid: str, event: str, index: int) -> None:
    """The callback job: call the callback, unless it has run already or runs elsewhere.

    Raises:
        BatchNotFound: The batch has expired.
        BatchError: It runs elsewhere; or its module is not loaded here.
    """
    batch, owner = Batch.known(bid, client=client), secrets.token_hex(8)
    answer = client.store.run(calls.start_callback(batch.keys, event, index, owner, RUN_LEASE))
    if answer == -1:
        log.info("callback %s %s %s has run already", bid, event, index)
        return
    if answer == -2:
        raise BatchNotFound(f"no batch {bid} for the callback of its {event}: it has expired")
    if answer > 0:
        raise BatchError(
            f"callback {index} of {event} of batch {bid} runs elsewhere; a copy may start in {answer / 1000:.0f} s"
        )
    of, outcome = CallbackOf(bid, event, index), "failed"
    try:
        stored = client.store.run(calls.fields(batch.keys, [f"call:{event}:{index}"]))[0]
        if stored is None:
            raise BatchNotFound(f"batch {bid} has no callback {index} for {event}")
        result = call(Callback.from_json(stored), event, batch.status())
        if inspect.isawaitable(result):
            asyncio.run(_wait(result))
        outcome = "done"
    finally:
        client.perform(finish(client, of, owner, outcome))


def finish(client: Shiftboss, of: CallbackOf, owner: str, outcome: str) -> Plan[None]:
    """Record how a run of a callback ended, and perform what that brings about."""
    keys = client.batch_keys(of.bid)
    sent = yield from deliver(calls.finish_callback(keys, of.bid, of.event, of.index, owner, outcome, GRACE))
    yield from settle(client, keys.out, sent.result, resent=sent.resent)


async def _wait(result: object) -> None:
    await result  # type: ignore[misc]
