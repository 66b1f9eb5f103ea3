"""Acknowledging jobs that have ended: which of them go together, and the steps for each group."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.joined import settle_members
from shiftboss.engines.sidekiq.worker import calls
from shiftboss.engines.sidekiq.worker.failed_run import failed_run
from shiftboss.engines.sidekiq.worker.hold import Ended
from shiftboss.jobs import RUNS, TOLD, TRACK, CallbackOf, Member, Outcome, failure_of
from shiftboss.outbox import GRACE, settle
from shiftboss.plan import Plan, deliver, run
from shiftboss.text import plural

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.keys import SidekiqKeys
    from shiftboss.scripts import Arg

log = logging.getLogger("shiftboss.worker")
MOST_BYTES = 4 * 1024 * 1024


def groups(ended: Iterable[Ended]) -> Iterator[list[Ended]]:
    """Jobs that can be acknowledged by one call: those of no batch, and those of one batch and queue; not too many.

    A callback stands alone, so that a feature which cannot be told of it holds up nobody else.
    """
    together: dict[tuple[str, str] | int | None, list[Ended]] = {}
    for one in ended:
        match _batch(one):
            case Member(bid=bid):
                together.setdefault((bid, one.run.queue), []).append(one)
            case _ if _is_told(one):
                together[one.run.number] = [one]
            case _:
                together.setdefault(None, []).append(one)
    for group in together.values():
        yield from _chunks(group)


def acknowledge(client: Shiftboss, keys: SidekiqKeys, identity: str, group: Sequence[Ended]) -> Plan[None]:
    """Settle one group, as `groups` made it, of what the process `identity` holds. Doing it twice is doing it once."""
    day = datetime.now(UTC).date().isoformat()
    batch = _batch(group[0])
    for one in group:
        yield from _remember(client, one)
    if isinstance(batch, Member):
        still = yield from _members(client, keys, identity, day, batch.bid, group)
    else:
        for one in group:
            yield from tell(client, one)
        still = yield from run(calls.settle(keys, identity, day, [part for one in group for part in _parts(one)]))
    if still < len(group):
        log.info(
            "%d of %s still ours; the rest is with others, or had been acknowledged", still, plural(len(group), "job")
        )


def _remember(client: Shiftboss, one: Ended) -> Plan[None]:
    """Tell the features how a tracked job ended."""
    if one.run.payload is not None and TRACK in one.run.payload.message.options:
        for extension in client.extensions.values():
            yield from extension.tracked(one.run.payload.message, one.outcome)


def tell(client: Shiftboss, one: Ended) -> Plan[None]:
    """Tell the features how a job ended of which they want to hear. Members are told of by the script that acknowledges them."""
    if one.run.payload is not None and _is_told(one):
        for extension in client.extensions.values():
            yield from extension.finished(one.run.payload.message, one.outcome, one.error)


def _is_told(one: Ended) -> bool:
    """Whether features want to hear of its end: of a callback, and where its message says so."""
    message = one.run.payload.message if one.run.payload is not None else None
    return message is not None and (isinstance(message.batch, CallbackOf) or TOLD in message.options)


def _members(
    client: Shiftboss, keys: SidekiqKeys, identity: str, day: str, bid: str, group: Sequence[Ended]
) -> Plan[int]:
    batch = client.batch_keys(bid)
    jobs: list[Arg] = []
    for one in group:
        member = _batch(one)
        if isinstance(member, Member):
            jobs += [*_parts(one), member.position, RUNS[one.outcome], _failure(one)]
    delivery = yield from deliver(settle_members(keys, batch, identity, day, bid, group[0].run.queue, GRACE, jobs))
    still, items = delivery.result
    yield from settle(client, batch.out, items, resent=delivery.resent)
    return still


def _parts(one: Ended) -> tuple[Arg, ...]:
    return one.run.raw, one.verb, one.keep, one.delay, failed_run(one)


def _failure(one: Ended) -> str:
    payload = one.run.payload
    if payload is None or one.outcome is Outcome.SUCCEEDED:
        return ""
    return failure_of(payload.message, one.error, payload.attempt)


def _batch(one: Ended) -> Member | CallbackOf | None:
    """What it is to a batch; one that will run later is nothing to it yet."""
    if one.run.payload is None or one.outcome is Outcome.RESCHEDULED:
        return None
    return one.run.payload.message.batch


def _chunks(group: Sequence[Ended]) -> Iterator[list[Ended]]:
    chunk: list[Ended] = []
    size = 0
    for one in group:
        weight = len(one.run.raw) + len(one.keep)
        if chunk and (len(chunk) == calls.MOST_JOBS or size + weight > MOST_BYTES):
            yield chunk
            chunk, size = [], 0
        chunk.append(one)
        size += weight
    if chunk:
        yield chunk
