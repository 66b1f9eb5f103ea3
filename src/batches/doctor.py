"""What can be wrong with batches, found by comparing what they say with what the engine has; and what can be done.

`examine` changes nothing but what is always safe: it performs what a crash left undone, and takes batches off the list whose
record has expired. Everything else is for people to decide: `close`, `bury`, `give_up`, or `Batch.delete`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from shiftboss import outbox
from shiftboss.alive import is_alive
from shiftboss.client import current_client
from shiftboss.engine import BUILT_IN, TracingEngine
from shiftboss.errors import BatchError
from shiftboss.jobs import RUNS, Outcome
from shiftboss.keys import ShardKeys, shard_of
from shiftboss.outbox import GRACE, settle
from shiftboss.plan import Plan, deliver, run, run_many

from . import calls
from .batch import Batch
from .cancelling import cancel
from .family import places
from .handle import BatchHandle
from .sets import all_statuses
from .status import Status

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

AT_ONCE = 60


@dataclass(frozen=True, slots=True)
class Finding:
    """Something about a batch that will not mend by itself.

    Args:
        bid: The batch.
        kind: ``broken`` (a block of it never closed), ``lost`` (members whose job is nowhere), ``orphaned`` (members whose
            process is gone), ``callback died``, or ``untraceable`` (it is pending, and its engine cannot say where jobs are).
        detail: In words.
        positions: Those of lost or orphaned members.
    """

    bid: str
    kind: str
    detail: str
    positions: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        return {**asdict(self), "positions": list(self.positions)}


def examine(bid: str | None = None, *, client: Shiftboss | None = None) -> list[Finding]:
    """What is wrong with one batch, or with all that are not finished. It reads every queue of the built-in engine, twice
    if a job is missing.

    Raises:
        BatchNotFound: There is no batch of that id.
    """
    client = client or current_client()
    return client.perform(_examine(client, bid))


async def aexamine(bid: str | None = None, *, client: Shiftboss | None = None) -> list[Finding]:
    """As `examine`, for coroutines."""
    client = client or current_client()
    return await client.aperform(_examine(client, bid))


def close(bid: str, *, client: Shiftboss | None = None) -> bool:
    """Take a broken batch as it is: what never came is not waited for. Whether it was broken."""
    client = client or current_client()
    return client.perform(_close(client, bid))


def bury(bid: str, positions: Sequence[int], *, client: Shiftboss | None = None) -> None:
    """Count members as dead. If a job turns up after all and succeeds, it counts as that.

    Raises:
        BatchNotFound: There is no batch of that id.
        BatchError: A position at which it has no member.
    """
    client = client or current_client()
    client.perform(_bury(client, bid, positions))


def give_up(bid: str, positions: Sequence[int], *, client: Shiftboss | None = None) -> None:
    """Count members for nothing, as if they had never been pushed. A job that turns up after all counts for nothing too.

    Raises:
        BatchNotFound, BatchError: As `bury`.
    """
    client = client or current_client()
    client.perform(_give_up(client, bid, positions))


async def aclose(bid: str, *, client: Shiftboss | None = None) -> bool:
    """As `close`, for coroutines."""
    client = client or current_client()
    return await client.aperform(_close(client, bid))


async def abury(bid: str, positions: Sequence[int], *, client: Shiftboss | None = None) -> None:
    """As `bury`, for coroutines."""
    client = client or current_client()
    await client.aperform(_bury(client, bid, positions))


async def agive_up(bid: str, positions: Sequence[int], *, client: Shiftboss | None = None) -> None:
    """As `give_up`, for coroutines."""
    client = client or current_client()
    await client.aperform(_give_up(client, bid, positions))


def _examine(client: Shiftboss, bid: str | None) -> Plan[list[Finding]]:
    if bid is None:
        statuses = yield from all_statuses(client)
    else:
        statuses = [(yield from Batch.known(bid, client=client).read())]
    yield from _deliver(client, {shard_of(status.bid) for status in statuses})
    pending = [status for status in statuses if status.finished_at is None]
    findings = [finding for status in statuses for finding in _seen(status)]
    if pending:
        findings += yield from _traced(client, pending)
    return findings


def _deliver(client: Shiftboss, shards: set[str]) -> Plan[None]:
    """Perform what is overdue in the outboxes."""
    keys = [ShardKeys(client.namespace, shard) for shard in sorted(shards)]
    claimed = yield from run_many([outbox.claim(shard.out, GRACE, outbox.PAGE, 0) for shard in keys])
    for shard, items in zip(keys, claimed, strict=True):
        if items:
            yield from outbox.perform(client, shard.out, items)


def _seen(status: Status) -> list[Finding]:
    found = []
    if status.broken:
        found.append(Finding(status.bid, "broken", "a block of it never closed: not all of its jobs may be there"))
    found += [
        Finding(status.bid, "callback died", f"{callback.event}: {callback.target}")
        for callback in status.callbacks
        if callback.state == "died"
    ]
    return found


def _traced(client: Shiftboss, pending: Sequence[Status]) -> Plan[list[Finding]]:
    engine, lost, traced = client.engine, list[Finding](), set[str]()
    fields = yield from run_many([calls.fields(client.batch_keys(status.bid), ["engine"]) for status in pending])
    runs_on = {status.bid: name or BUILT_IN for status, (name,) in zip(pending, fields, strict=True)}
    if isinstance(engine, TracingEngine):
        traced = {bid for bid, name in runs_on.items() if name == engine.name}
        lost = yield from _lost(client, engine, traced)
    dark = [status for status in pending if status.bid not in traced and status.pending > status.dead]
    orphans = yield from _orphans(client, [status.bid for status in dark])
    return [
        Finding(
            status.bid, "untraceable", f"pending, and {runs_on[status.bid]} cannot be asked from here where jobs are"
        )
        for status in dark
        if status.pending > status.dead + len(orphans.get(status.bid, ()))
    ] + [
        *lost,
        *(
            Finding(bid, "orphaned", f"run by a process that is gone: {len(positions):,}", tuple(positions))
            for bid, positions in orphans.items()
        ),
    ]


def _orphans(client: Shiftboss, bids: Sequence[str]) -> Plan[dict[str, list[int]]]:
    """Positions of members whose process is gone, and that nobody has run since."""
    first = yield from _with_dead_process(client, bids)
    # One that has ended or runs elsewhere by now is not among them the second time.
    second = (yield from _with_dead_process(client, list(first))) if first else {}
    return _in_both(first, second)


def _with_dead_process(client: Shiftboss, bids: Sequence[str]) -> Plan[dict[str, set[int]]]:
    noted = yield from run_many([calls.runs(client.batch_keys(bid)) for bid in bids])
    processes = sorted({process for runs in noted for process in runs.values()})
    answers = yield from run_many([is_alive(client, process) for process in processes])
    alive = {process for process, yes in zip(processes, answers, strict=True) if yes}
    gone = {
        bid: {position for position, process in runs.items() if process not in alive}
        for bid, runs in zip(bids, noted, strict=True)
    }
    return {bid: positions for bid, positions in gone.items() if positions}


def _lost(client: Shiftboss, engine: TracingEngine, bids: set[str]) -> Plan[list[Finding]]:
    first = yield from _missing(client, engine, bids)
    # A job that was on its way between two places while these were read, or was pushed since, is not among them both times.
    second = (yield from _missing(client, engine, set(first))) if first else {}
    return [
        Finding(bid, "lost", f"{len(positions):,} jobs are in no queue, set or process", tuple(positions))
        for bid, positions in sorted(_in_both(first, second).items())
    ]


def _in_both(first: dict[str, set[int]], second: dict[str, set[int]]) -> dict[str, list[int]]:
    return {bid: sorted(both) for bid, found in second.items() if (both := first[bid] & found)}


def _missing(client: Shiftboss, engine: TracingEngine, bids: set[str]) -> Plan[dict[str, set[int]]]:
    """Positions that are neither settled nor a child's, and whose job the engine does not have."""
    there = yield from engine.whereabouts(frozenset(bids))
    children: dict[str, set[int]] = {}
    for shard in sorted({shard_of(bid) for bid in bids}):
        for place in (yield from places(client, shard)):
            children.setdefault(place.parent, set()).add(place.position)
    missing: dict[str, set[int]] = {}
    for bid in sorted(bids):
        unsettled = yield from _unsettled(client, bid)
        lost = unsettled - there.get(bid, set()) - children.get(bid, set())
        if lost:
            missing[bid] = lost
    return missing


def _unsettled(client: Shiftboss, bid: str) -> Plan[set[int]]:
    """Positions of jobs that have neither succeeded nor died; none while a block is open, which has places for jobs that it is
    about to push.
    """
    keys = client.batch_keys(bid)
    total, awaits, open_blocks = yield from run(calls.fields(keys, ["total", "awaits", "open"]))
    if int(open_blocks or 0) > 0:
        return set()
    others = {int(place.partition(":")[0]) for place in (awaits or "").split()}
    done, dead = yield from run_many([calls.bitmap(keys.done), calls.bitmap(keys.dead)])
    settled = [a | b for a, b in zip(done.ljust(len(dead), b"\0"), dead.ljust(len(done), b"\0"), strict=True)]
    settled += [0] * ((int(total or 0) + 7) // 8 - len(settled))
    open_ = {position for position in range(int(total or 0)) if not settled[position // 8] & 128 >> position % 8}
    return open_ - others


def _close(client: Shiftboss, bid: str) -> Plan[bool]:
    keys = client.batch_keys(bid)
    sent = yield from deliver(calls.close_broken(keys, bid, GRACE, ""))
    yield from settle(client, keys.out, sent.result.items, resent=sent.resent)
    return sent.result.status == "ok"


def _give_up(client: Shiftboss, bid: str, positions: Sequence[int]) -> Plan[None]:
    batch = BatchHandle(bid, client, known=True)
    yield from _check_positions(batch, positions)
    yield from cancel(batch, positions, lost=True)


def _check_positions(batch: BatchHandle, positions: Sequence[int]) -> Plan[None]:
    (total,) = yield from run(calls.fields(batch.keys, ["total"]))
    if total is None:
        raise batch.not_found()
    for position in positions:
        if type(position) is not int or not 0 <= position < int(total):
            raise BatchError(
                f"expected positions of batch {batch.bid}, which has {int(total):,} from 0 on, got {position!r}"
            )


def _bury(client: Shiftboss, bid: str, positions: Sequence[int]) -> Plan[None]:
    yield from _check_positions(BatchHandle(bid, client, known=True), positions)
    keys = client.batch_keys(bid)
    for start in range(0, len(positions), AT_ONCE):
        died = [part for at in positions[start : start + AT_ONCE] for part in (at, RUNS[Outcome.DIED], "")]
        sent = yield from deliver(calls.ack(keys, bid, "", GRACE, died))
        yield from settle(client, keys.out, sent.result, resent=sent.resent)
