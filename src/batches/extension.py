"""What batches do in the life of jobs: keep those of an open block, run callbacks, look after what was left behind."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING

from shiftboss import events
from shiftboss.engine import BUILT_IN, joining
from shiftboss.extension import Extension, Recording
from shiftboss.jobs import PREREQUISITE_DIED, RUNS, CallbackOf, Member, Message, Outcome, failure_of
from shiftboss.keys import shards
from shiftboss.outbox import GRACE, perform, settle, strike_off
from shiftboss.plan import Plan, deliver, run, run_many
from shiftboss.scripts import Arg, Call

from . import calls
from .block import current_block
from .callbacks import JOB, Callback
from .running import finish, run_callback
from .tracking import track, tracked_bid

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .block import JobsBlock

log = logging.getLogger("shiftboss.batches")
CALLBACK_JOB = "shiftboss.batches.callback"
DEFAULT_QUEUE = "default"
# What a batch tells its parent and those that wait for it, as an outcome of its place there; see lua/lib/members.lua.
CODES = {"ran": "F", "done": "S", "dead": "D", "death": "W", "touch": "T"}
# For how many batches it remembers what it asked or said; beyond that it begins anew.
MOST_REMEMBERED = 10_000


class BatchExtension(Extension):
    """The batches of one client, as its engine meets them."""

    def __init__(self, client: Shiftboss) -> None:
        self._client = client
        self.jobs = {CALLBACK_JOB: partial(run_callback, client)}
        self._sign: str | None = None
        self._invalidated: dict[str, bool] = {}
        self._gone: set[str] = set()

    def pushing(self, messages: Sequence[Message]) -> Plan[Sequence[Message]]:
        """Keep what an open block of this client collects."""
        block = self._block()
        if block is None:
            yield from track(self._client, messages)
            return messages
        yield from block.collect([message for message in messages if message.batch is None])
        return [message for message in messages if message.batch is not None]

    def keeps(self) -> bool:
        """Whether a block of this client is open here."""
        return self._block() is not None

    def _block(self) -> JobsBlock | None:
        block = current_block()
        return None if block is None or block.batch.client is not self._client else block

    def tracked(self, message: Message, outcome: Outcome) -> Plan[None]:
        """Record how a tracked job ended, for those that wait for it."""
        bid = tracked_bid(message.id)
        if outcome in (Outcome.SUCCEEDED, Outcome.DIED):
            yield from self._settle_place(bid, 0, RUNS[outcome], queue=message.queue)

    def unwanted(self, messages: Sequence[Message], sign: str | None) -> Plan[frozenset[str]]:
        """Members of batches that were invalidated, or are below one, and copies of callbacks that have succeeded. At most one
        round trip for either; none where nobody has invalidated anything, where it was asked already, or for what is no job
        as a callback.
        """
        return (yield from self._called(messages)) | (yield from self._not_valid(messages, sign))

    def _called(self, messages: Sequence[Message]) -> Plan[frozenset[str]]:
        callbacks = [
            (message.id, message.batch)
            for message in messages
            if isinstance(message.batch, CallbackOf) and message.name != CALLBACK_JOB
        ]
        if not callbacks:
            return frozenset()
        states = yield from run_many([self._state(of) for _, of in callbacks])
        return frozenset(jid for (jid, _), (state,) in zip(callbacks, states, strict=True) if state == "done")

    def _state(self, of: CallbackOf) -> Call[list[str | None]]:
        return calls.fields(self._client.batch_keys(of.bid), [f"run:{of.event}:{of.index}"])

    def _not_valid(self, messages: Sequence[Message], sign: str | None) -> Plan[frozenset[str]]:
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

    def starting(self, message: Message, process: str) -> Plan[bool]:
        """Whether a member's batch is wanted; if so, the process that runs it is noted. Whether a callback has not succeeded
        yet. One round trip for either.
        """
        of = message.batch
        if isinstance(of, CallbackOf):
            return message.name == CALLBACK_JOB or (yield from run(self._state(of))) != ["done"]
        if of is None:
            return True
        keys, skips = self._client.batch_keys(of.bid), int(self._client.settings.skip_invalidated)
        return (yield from run(calls.start(keys, of.bid, of.position, _run_of(message, process), skips)))

    def finished(self, message: Message, outcome: Outcome, error: BaseException | None) -> Plan[None]:
        """Record how a member or a callback ended. Our own callback job records its success itself, before it can be run
        again; an engine that joins batches records members itself.
        """
        of = message.batch
        if isinstance(of, CallbackOf):
            done = outcome is Outcome.SUCCEEDED and message.name != CALLBACK_JOB
            if done or outcome is Outcome.DIED:
                yield from finish(self._client, of, "", "done" if done else "died")
        elif of is not None:
            keys = self._client.batch_keys(of.bid)
            # Engines publish a retry before they say that a run has failed: it may run by now.
            if outcome not in {Outcome.SUCCEEDED, Outcome.DIED}:
                yield from run(calls.stop(keys, of.position, _run_of(message, self._client.store.identity)))
            if outcome in RUNS:
                sent = yield from deliver(self._record(of, message, outcome, error, GRACE))
                yield from settle(self._client, keys.out, sent.result, resent=sent.resent)

    def recording(self, message: Message, outcome: Outcome, error: BaseException | None) -> Recording | None:
        """How a member's end is recorded; what that brings about can be claimed at once."""
        of = message.batch
        if not isinstance(of, Member) or outcome not in RUNS:
            return None
        return Recording(self._record(of, message, outcome, error, 0), self._client.batch_keys(of.bid).out)

    def _record(
        self, of: Member, message: Message, outcome: Outcome, error: BaseException | None, grace: int
    ) -> Call[list[str]]:
        outcomes: list[Arg] = [of.position, RUNS[outcome], _failure(message, outcome, error)]
        return calls.ack(self._client.batch_keys(of.bid), of.bid, message.queue, grace, outcomes)

    def outboxes(self) -> Plan[Sequence[str]]:
        """One for each shard."""
        yield from ()
        return [shard.out for shard in shards(self._client.namespace)]

    def perform(self, item: str, out: str) -> Plan[None]:
        """Do what an outbox item says: enqueue a callback, or tell a parent or who waits; once. That an event happened or a
        batch is gone is no item of an outbox: only who found it is told.
        """
        _, kind, bid, *rest = item.split("|")
        if kind == "callback":
            yield from self._enqueue(CallbackOf(bid, rest[0], int(rest[1])), item, out)
        elif kind == "up":
            yield from self._tell(bid, CODES[rest[0]], item, out)
        elif kind == "settle":
            yield from self._settle_place(bid, int(rest[0]), CODES["ran"] + CODES[rest[1]], missed=False)
            yield from run(strike_off(out, item))
        elif kind == "event":
            events.emit(f"batch.{rest[0]}", bid=bid)
        elif kind == "gone":
            self._miss(bid)

    def _miss(self, bid: str) -> None:
        """Say, once for a batch, that what its members come to is lost: an evicted record must not look like success."""
        if bid in self._gone:
            return
        if len(self._gone) >= MOST_REMEMBERED:
            self._gone.clear()
        self._gone.add(bid)
        log.warning("batch %s is gone (deleted, expired or evicted): outcomes of its members are dropped", bid)

    def _enqueue(self, of: CallbackOf, item: str, out: str) -> Plan[None]:
        keys = self._client.batch_keys(of.bid)
        names = [f"call:{of.event}:{of.index}", f"run:{of.event}:{of.index}"]
        names += ["engine", "callback_queue", f"queue:{of.event}", "queue"]
        stored, state, runs_on, own_queue, *queues = yield from run(calls.fields(keys, names))
        if stored is None or state == "done":
            yield from run(strike_off(out, item))
            return
        if (runs_on or BUILT_IN) != self._client.engine.name:
            # As on the command line, which knows no app: the engine's own workers find it when its time has come.
            log.info("a callback of batch %s is left to the workers of %s", of.bid, runs_on or BUILT_IN)
            return
        callback = Callback.from_json(stored)
        engine = joining(self._client.engine)
        if PREREQUISITE_DIED in callback.carried and engine is None:
            log.warning("%s will not run: a prerequisite died, see batch %s", callback.target, of.bid)
            yield from run(strike_off(out, item))
            return
        queue = next(filter(None, [own_queue, callback.queue, *queues]), DEFAULT_QUEUE)
        message = callback_message(of, callback, queue)
        if engine is not None:
            yield from run(engine.hand_over(message, out, item))
        else:
            yield from self._client.engine.enqueue([message])
            yield from run(strike_off(out, item))

    def _tell(self, bid: str, code: str, item: str, out: str) -> Plan[None]:
        names = ["parent", "place", "queue", "waiters"]
        parent, place, queue, waiters = yield from run(calls.fields(self._client.batch_keys(bid), names))
        places = [] if parent is None else [f"{parent}:{place}"]
        for where in [*places, *(waiters or "").split()]:
            above, _, position = where.partition(":")
            yield from self._settle_place(above, int(position), code, queue=queue or "")
        yield from run(strike_off(out, item))

    def _settle_place(self, bid: str, place: int, codes: str, queue: str = "", *, missed: bool = True) -> Plan[None]:
        """Tell a batch what became of another that has a place there: its child, or one that it waits for. It may be gone,
        and be missed.
        """
        keys = self._client.batch_keys(bid)
        outcomes: list[Arg] = [part for code in codes for part in (place, code, "")]
        told = yield from deliver(calls.ack(keys, bid, queue, GRACE, outcomes))
        items = [item for item in told.result if missed or not item.startswith("batch|gone|")]
        yield from settle(self._client, keys.out, items, resent=told.resent)

    def tend(self) -> Plan[None]:
        """Mark batches broken whose block's owner is gone."""
        overdue = yield from run_many([calls.overdue(shard, 100) for shard in shards(self._client.namespace)])
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
        args = (of.bid, dict(callback.options)) if callback.args is None else tuple(callback.args)
        return Message(callback.target.removeprefix(JOB), args, queue, jid, batch=of, options=callback.carried)
    return Message(CALLBACK_JOB, (of.bid, of.event, of.index), queue, jid, batch=of)


def _failure(message: Message, outcome: Outcome, error: BaseException | None) -> str:
    if outcome is Outcome.SUCCEEDED:
        return ""
    return failure_of(message, error, message.attempt)


def _run_of(message: Message, process: str) -> str:
    """What is noted of a run of a member: where it is, and how often the member had failed before."""
    return f"{process}|{message.attempt}"
