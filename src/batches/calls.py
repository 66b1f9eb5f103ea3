"""The batches' operations, one function per file in ``lua/batches``. They return calls and do no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shiftboss.decoders import instants, maybe_texts, pairs, text_fields, texts
from shiftboss.engine import Reserved
from shiftboss.keys import BatchKeys, ShardKeys
from shiftboss.scripts import Arg, Call, command, script


def open(  # noqa: A001 - named like its script
    keys: BatchKeys, bid: str, token: str, lease: int, ttl: int, inside: bool, resume: bool, record: Sequence[Arg]
) -> Call[str]:
    """Open a batch for a block that adds in steps: ``ok``, ``missing``, ``closed`` or ``broken``."""
    return script("batches/open").call(
        bytes.decode,
        [keys.record, keys.ran, keys.done, keys.dead, keys.index, keys.holds],
        [bid, token, lease, ttl, int(inside), int(resume), *record],
    )


def open_child(
    keys: BatchKeys,
    parent_keys: BatchKeys,
    bid: str,
    token: str,
    lease: int,
    ttl: int,
    inside: bool,
    parent: str,
    fields: Sequence[Arg],
) -> Call[str]:
    """Open a new batch as the child of another: ``ok``, or what is wrong with the parent."""
    return script("batches/open_child").call(
        bytes.decode,
        [
            *(keys.record, keys.ran, keys.done, keys.dead, keys.index, keys.holds),
            *(parent_keys.record, parent_keys.ran, parent_keys.done, parent_keys.dead),
            *(parent_keys.failures, parent_keys.results, keys.out),
        ],
        [bid, token, lease, ttl, int(inside), parent, *fields],
    )


def add(keys: BatchKeys, bid: str, token: str, step: str, n: int, lease: int) -> Call[Reserved]:
    """Reserve places for n members: the same step twice is one."""
    return script("batches/add").call(
        _reserved,
        [
            *(keys.record, keys.ran, keys.done, keys.dead, keys.holds, keys.out),
            *(keys.failures, keys.results, keys.receipt(step)),
        ],
        [bid, token, n, lease],
    )


def close(keys: BatchKeys, bid: str, token: str, grace: int, queue: str) -> Call[Reserved]:
    """End a block: ``ok`` with what that brings about, ``broken`` or ``missing``."""
    return script("batches/close").call(
        _closed,
        [keys.record, keys.ran, keys.done, keys.dead, keys.holds, keys.out, keys.failures, keys.results],
        [bid, token, grace, queue],
    )


def abandon(keys: BatchKeys, bid: str, token: str, grace: int, queue: str, ended: bool) -> Call[Reserved]:
    """Mark a batch broken whose block will never close: ``ok`` with what that brings about, or ``kept``."""
    return script("batches/abandon").call(
        _closed,
        [keys.record, keys.ran, keys.done, keys.dead, keys.holds, keys.out, keys.failures, keys.results],
        [bid, token, grace, queue, int(ended)],
    )


def cancel(
    keys: BatchKeys, bid: str, token: str, grace: int, queue: str, lost: bool, positions: Sequence[int]
) -> Call[Reserved]:
    """Give up places whose jobs were not published, or are lost: ``ok``, ``forgotten`` or ``missing``, and what that
    brings about.
    """
    return script("batches/cancel").call(
        _closed,
        [
            *(keys.record, keys.ran, keys.done, keys.dead, keys.index, keys.holds, keys.out),
            *(keys.failures, keys.results),
        ],
        [bid, token, grace, queue, int(lost), *positions],
    )


def renew(keys: ShardKeys, lease: int, blocks: Sequence[str]) -> Call[int]:
    """Show that blocks (``bid|token``) are alive; how many of them are still open."""
    return script("batches/renew").call(int, [keys.holds], [lease, *blocks])


def ack(keys: BatchKeys, bid: str, queue: str, grace: int, outcomes: Sequence[Arg]) -> Call[list[str]]:
    """Record outcomes (position, code, and what is kept of a failure or empty); the outbox items that they bring about."""
    return script("batches/ack").call(
        texts,
        [keys.record, keys.ran, keys.done, keys.dead, keys.out, keys.failures, keys.results, keys.runs],
        [bid, queue, grace, *outcomes],
    )


def start_callback(keys: BatchKeys, event: str, index: int, owner: str, lease: int) -> Call[int]:
    """Ask to run a callback: 0 go on, -1 it has run, -2 no such batch, else milliseconds to wait."""
    return script("batches/start_callback").call(int, [keys.record], [event, index, owner, lease])


def finish_callback(
    keys: BatchKeys, bid: str, event: str, index: int, owner: str, outcome: str, grace: int
) -> Call[list[str]]:
    """Record how a run of a callback ended (``done``, ``failed``, ``died``); the outbox items that this brings about."""
    return script("batches/finish_callback").call(
        texts,
        [keys.record, keys.ran, keys.done, keys.dead, keys.out, keys.failures, keys.results],
        [bid, event, index, owner, outcome, grace],
    )


def invalidate(keys: BatchKeys, bid: str, keep: int) -> Call[int]:
    """Remember that a batch is not wanted: 1, 0 if that was known, -1 where there is no such batch."""
    return script("batches/invalidate").call(int, [keys.record, keys.invalidated], [bid, keep])


def is_invalidated(keys: BatchKeys, bid: str) -> Call[bool]:
    """Whether a batch, or one above it, is not wanted."""
    return script("batches/is_invalidated").call(bool, [keys.record, keys.invalidated], [bid])


def start(keys: BatchKeys, bid: str, position: int, run: str, skips: int) -> Call[bool]:
    """Note a run of a member, unless the batch is not wanted; whether it shall run. It always shall without `skips`."""
    return script("batches/start").call(bool, [keys.record, keys.invalidated, keys.runs], [bid, position, run, skips])


def stop(keys: BatchKeys, position: int, run: str) -> Call[int]:
    """Note that nobody runs a member now, unless another run of it has begun."""
    return script("batches/stop").call(int, [keys.runs], [position, run])


def runs(keys: BatchKeys) -> Call[dict[int, str]]:
    """The processes that run members, by position."""
    return command("HGETALL", [keys.runs], [], _runs)


def delete(keys: BatchKeys, bid: str, grace: int) -> Call[list[str]]:
    """Forget a batch; the outbox items that this brings about."""
    return script("batches/delete").call(
        texts,
        [keys.record, keys.ran, keys.done, keys.dead, keys.index, keys.out, keys.failures, keys.results, keys.runs],
        [bid, grace],
    )


def close_broken(keys: BatchKeys, bid: str, grace: int, queue: str) -> Call[Reserved]:
    """Take a broken batch as it is: ``ok`` with what that brings about, ``kept`` or ``missing``."""
    return script("batches/close_broken").call(
        _closed,
        [keys.record, keys.ran, keys.done, keys.dead, keys.out, keys.failures, keys.results],
        [bid, grace, queue],
    )


def announce(key: str, token: str, ttl: int) -> Call[bool]:
    """Change a key that others watch; it lives so many milliseconds."""
    return command("SET", [key], [token, "PX", ttl], bool)


def read(keys: BatchKeys) -> Call[dict[str, str]]:
    """The whole record; empty where there is none."""
    return command("HGETALL", [keys.record], [], text_fields)


def life(keys: BatchKeys) -> Call[int]:
    """Milliseconds the record has left to live; negative where there is none."""
    return command("PTTL", [keys.record], [], int)


def bitmap(key: str) -> Call[bytes]:
    """A bitmap, empty where there is none."""
    return command("GET", [key], [], lambda reply: reply or b"")


def expect(keys: BatchKeys, place: int, awaited: str) -> Call[bool]:
    """Have a place stand for another batch, or a tracked job; whether that is news."""
    return script("batches/expect").call(bool, [keys.record], [place, awaited])


def inform(keys: BatchKeys, bid: str, waiter: str, grace: int) -> Call[Reserved]:
    """Have a batch tell a waiter (id and place, joined by a colon) what becomes of it: ``ok`` or ``missing``, and items."""
    return script("batches/inform").call(_closed, [keys.record, keys.out], [bid, waiter, grace])


def track(keys: BatchKeys, ttl: int, linger: int) -> Call[bool]:
    """Begin to remember what becomes of one job; whether that is news."""
    return script("batches/track").call(bool, [keys.record, keys.ran, keys.done, keys.dead], [ttl, linger])


def report(keys: BatchKeys, position: int, value: str) -> Call[bool]:
    """Keep what a member reports, as JSON; whether its batch keeps results."""
    return script("batches/report").call(bool, [keys.record, keys.results], [position, value])


def results(keys: BatchKeys, first: int, limit: int) -> Call[list[str | None]]:
    """What the members from a position on reported, as JSON, None for those that did not."""
    return command("HMGET", [keys.results], list(range(first, first + limit)), maybe_texts)


def reported(keys: BatchKeys) -> Call[int]:
    """How many members have reported."""
    return command("HLEN", [keys.results], [], int)


def failures(keys: BatchKeys) -> Call[list[tuple[str, int]]]:
    """What is kept of failures with their times in microseconds, newest first."""
    return command("ZREVRANGE", [keys.failures], [0, -1, "WITHSCORES"], instants)


def fields(keys: BatchKeys, names: Sequence[str]) -> Call[list[str | None]]:
    """Some fields of the record."""
    return command("HMGET", [keys.record], list(names), maybe_texts)


def exists(keys: BatchKeys) -> Call[bool]:
    """Whether there is a record."""
    return command("EXISTS", [keys.record], [], bool)


def listed(keys: ShardKeys, first: int, count: int, until: float = float("inf")) -> Call[list[tuple[str, int]]]:
    """Batch ids of a shard with their time of creation in milliseconds, newest first: of those until then, by rank."""
    span: list[Arg] = [repr(until), "-inf", "WITHSCORES", "LIMIT", first, count]
    return command("ZREVRANGEBYSCORE", [keys.index], span, instants)


def count(keys: ShardKeys) -> Call[int]:
    """How many batches a shard lists."""
    return command("ZCARD", [keys.index], [], int)


def unlist(keys: ShardKeys, bids: Sequence[str]) -> Call[int]:
    """Take batches off the list."""
    return command("ZREM", [keys.index], list(bids), int)


def overdue(keys: ShardKeys, limit: int) -> Call[list[str]]:
    """Blocks (``bid|token``) of a shard whose lease has ended."""
    return script("batches/overdue").call(texts, [keys.holds], [limit])


def _reserved(reply: list[Any]) -> Reserved:
    return Reserved(reply[0].decode(), int(reply[1]))


def _closed(reply: list[bytes]) -> Reserved:
    status, *items = texts(reply)
    return Reserved(status, 0, tuple(items))


def _runs(reply: list[bytes]) -> dict[int, str]:
    return {int(position): run.decode().partition("|")[0] for position, run in pairs(reply)}
