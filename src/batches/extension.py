"""What batches do in the life of jobs: keep those of an open block, run callbacks, look after what was left behind."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from shiftboss.jobs import CallbackOf, Extension, Member, Message, Outcome, failure_of, joining
from shiftboss.keys import SHARDS, ShardKeys
from shiftboss.outbox import GRACE, perform, settle, strike_off
from shiftboss.plan import Plan, deliver, run, run_many
from shiftboss.scripts import Arg

from . import calls
from .block import current_block
from .callbacks import JOB, Callback
from .running import finish, run_callback

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

log = logging.getLogger("shiftboss.batches")
CALLBACK_JOB = "shiftboss.batches.callback"
DEFAULT_QUEUE = "default"
# How a member ended, for lua/lib/members.lua; what is not here did not run.
OUTCOMES = {Outcome.SUCCEEDED: "s", Outcome.FAILED: "f", Outcome.DIED: "d"}
# What a child tells its parent, as an outcome of its place there; see lua/lib/members.lua.
CODES = {"ran": "F", "done": "S", "dead": "D", "death": "W", "touch": "T"}
# Of so many batches it is remembered at most whether they are invalidated.
MOST_REMEMBERED = 10_000


class BatchExtension(Extension):
    """The batches of one client, as its engine meets them."""

    def __init__(self, client: Shiftboss) -> None:
        self._client = client
        self.jobs = {CALLBACK_JOB: partial(run_callback, client)}
        self._sign: str | None = None
        self._invalidated: dict[str, bool] = {}

    def pushing(self, messages: Sequence[Message]) -> Plan[Sequence[Message]]:
        """Keep what an open block of this client collects."""
        block = current_block()
        if block is None or block.batch.client is not self._client:
            return messages
        yield from block.collect([message for message in messages if message.batch is None])
        return [message for message in messages if message.batch is not None]

    def unwanted(self, messages: Sequence[Message], sign: str | None) -> Plan[frozenset[str]]:
        """Members of batches that were invalidated, or are below one. At most one round trip, none where nobody has
        invalidated anything or where it was asked already.
        """
        if sign == "" or not self._client.settings.skip_invalidated:
            return frozenset()
        bids = {message.id: message.batch.bid for message in messages if isinstance(message.batch, Member)}
        if not bids:
            return frozenset()
        if sign is None or sign != self._sign or len(self._invalidated) > MOST_REMEMBERED:
            self._sign, self._invalidated = sign, {}
        asked = [bid for bid in set(bids.values()) if bid not in self._invalidated]
        if asked:
            answers = yield from run_many([calls.is_invalidated(self._client.batch_keys(bid), bid) for bid in asked])
            self._invalidated.update(zip(asked, answers, strict=True))
        return frozenset(jid for jid, bid in bids.items() if self._invalidated[bid])

    def finished(self, message: Message, outcome: Outcome, error: BaseException | None) -> Plan[None]:
        """Record how a member or a callback ended. Our own callback job records its success itself, before it can be run
        again; an engine that joins batches records members itself.
        """
        of = message.batch
        if isinstance(of, Member) and outcome in OUTCOMES:
            keys = self._client.batch_keys(of.bid)
            outcomes: list[Arg] = [of.position, OUTCOMES[outcome], _failure(message, outcome, error)]
            report = calls.ack(keys, of.bid, message.queue, GRACE, outcomes)
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
        elif kind == "settle":
            yield from self._settle_place(bid, int(rest[0]), rest[1], out)
            yield from run(strike_off(out, item))

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
            told = yield from deliver(calls.ack(keys, parent, queue or "", GRACE, [int(place), code, ""]))
            yield from settle(self._client, out, told.result, resent=told.resent)
        yield from run(strike_off(out, item))

    def _settle_place(self, parent: str, place: int, what: str, out: str) -> Plan[None]:
        """A child is gone: its place in the parent becomes what it would have come to."""
        codes = [CODES["ran"], CODES[what]]
        outcomes: list[Arg] = [part for code in codes for part in (place, code, "")]
        told = yield from deliver(calls.ack(self._client.batch_keys(parent), parent, "", GRACE, outcomes))
        yield from settle(self._client, out, told.result, resent=told.resent)

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


def _failure(message: Message, outcome: Outcome, error: BaseException | None) -> str:
    if outcome is Outcome.SUCCEEDED:
        return ""
    return failure_of(message, error, message.attempt)
