"""The limiters' operations, one function per file in ``lua/limiters``. They return calls and do no I/O."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from shiftboss.decoders import instants, pairs, text_fields
from shiftboss.keys import ConcurrentKeys
from shiftboss.scripts import Call, command, script

from .state import Answer


def acquire(
    keys: ConcurrentKeys, size: int, ticket: str, process: str, lock: int, wait: int, ttl: int, wake: str, channel: str
) -> Call[int | list[int]]:
    """Take a slot or a place in the queue: the fence; 0 show that this process is there; minus the milliseconds after which to
    ask again; or, where it is refused, these with slots used and others that wait.
    """
    return script("limiters/acquire").call(
        lambda reply: reply,
        [keys.leases, keys.queue, keys.meta],
        [size, ticket, process, lock, wait, ttl, wake, channel],
    )


def release(keys: ConcurrentKeys, size: int, ticket: str, cancel: int, ttl: int, wake: str, channel: str) -> Call[bool]:
    """Give a slot back or leave the queue; whether a slot was held. 1 cancels an attempt, 2 one of which a call may come yet."""
    return script("limiters/release").call(
        bool, [keys.leases, keys.queue, keys.meta], [size, ticket, cancel, ttl, wake, channel]
    )


def renew(keys: ConcurrentKeys, ticket: str, lock: int) -> Call[bool]:
    """Extend a lease; False if it had ended."""
    return script("limiters/renew").call(bool, [keys.leases], [ticket, lock])


def peek(keys: ConcurrentKeys) -> Call[Sequence[int]]:
    """Slots used, attempts waiting, milliseconds until the first lease ends or -1."""
    return script("limiters/peek").call(_whole, [keys.leases, keys.queue], [])


def wait(keys: ConcurrentKeys, ticket: str, seconds: float) -> Call[int | None]:
    """Block until a slot is handed to the ticket; its fence."""
    return command("BLPOP", [keys.wake + ticket], [seconds], _popped, resend=False)


def holders(keys: ConcurrentKeys, most: int) -> Call[list[tuple[str, int]]]:
    """Tickets of holders with the millisecond at which their lease ends, the first to end first."""
    return script("limiters/holders").call(instants, [keys.leases], [most])


def forget(keys: ConcurrentKeys) -> Call[int]:
    """Drop leases and queue; the fence goes on growing."""
    return command("DEL", [keys.leases, keys.queue], [], int)


def bucket(bucket: str, limit: int, period: int, cost: int, wait: int) -> Call[Answer]:
    """Take units of a period, or reserve some of a later one; milliseconds."""
    return script("limiters/bucket").call(_in_millis, [bucket], [limit, period, cost, wait])


def untake(bucket: str, period: int, cost: int, since: int, begins: int) -> Call[bool]:
    """Give units of a bucket back, unless their period has ended or a later one is reserved of; milliseconds."""
    return script("limiters/untake").call(bool, [bucket], [period, cost, since, begins])


def bucket_state(bucket: str, limit: int, period: int) -> Call[Sequence[int]]:
    """Units used in this period, units reserved in later ones, milliseconds to its end."""
    return script("limiters/bucket_state").call(_whole, [bucket], [limit, period])


def window(taken: str, limit: int, window: int, cost: int, wait: int, hold: int) -> Call[Answer]:
    """Take units of a window, or reserve some; microseconds."""
    return script("limiters/window").call(_in_micros, [taken], [limit, window, cost, wait, hold])


def unstamp(key: str, cost: int, stamp: bytes) -> Call[int]:
    """Give units of a window back, by what stands for them in the list; how many."""
    return command("LREM", [key], [cost, stamp], int)


def window_state(taken: str, window: int) -> Call[Sequence[int]]:
    """Units used, units reserved, microseconds until the first comes back."""
    return script("limiters/window_state").call(_whole, [taken], [window])


def drip(owed: str, unit: float, count: int, cost: int, wait: int) -> Call[Answer]:
    """Take units of what refills evenly, or reserve some; microseconds."""
    return script("limiters/drip").call(_in_micros, [owed], [unit, count, cost, wait])


def undrip(owed: str, unit: float, count: int, cost: int, since: int, full: int) -> Call[bool]:
    """Give units of what refills evenly back, unless others have reserved after them; microseconds."""
    return script("limiters/undrip").call(bool, [owed], [unit, count, cost, since, full])


def correct(owed: str, unit: float, count: int, units: int) -> Call[int]:
    """Correct what was taken of what refills evenly; units that are left."""
    return script("limiters/correct").call(int, [owed], [unit, count, units])


def drip_state(owed: str, unit: float) -> Call[Sequence[int]]:
    """Units taken or reserved; microseconds until it is full."""
    return script("limiters/drip_state").call(_whole, [owed], [unit])


def drop(*keys: str) -> Call[int]:
    """Forget what was taken, or counted."""
    return command("DEL", keys, [], int)


def count(counts: str, minutes: str, age: int, ttl: int, numbers: Sequence[int]) -> Call[bool]:
    """Add up what a process has counted; milliseconds. Whether it was written."""
    return script("limiters/count").call(bool, [counts, minutes], [age, ttl, *numbers])


def history(minutes: str) -> Call[tuple[int, list[bytes]]]:
    """The minute that it is now, and those that were counted in."""
    return script("limiters/history").call(lambda reply: (int(reply[0]), reply[1:]), [minutes], [])


def counts(counts: str) -> Call[Mapping[bytes, bytes]]:
    """What was counted in all, by its number."""
    return command("HGETALL", [counts], [], lambda reply: dict(pairs(reply)))


def reclaimed(keys: ConcurrentKeys) -> Call[int]:
    """How many slots were taken from holders whose lease had ended."""
    return command("HGET", [keys.meta], ["reclaimed"], lambda reply: int(reply or 0))


def register(limiters: str, name: str, kind: str, definition: str, ttl: int, slack: int) -> Call[str]:
    """Write a limiter down; the kind that its name stands for. Milliseconds."""
    return script("limiters/register").call(bytes.decode, [limiters], [name, kind, definition, ttl, slack])


def listed(key: str, cursor: str, count: int) -> Call[tuple[str, list[tuple[str, str]]]]:
    """Some entries of the list of limiters, and the cursor of the next."""
    return command("HSCAN", [key], [cursor, "COUNT", count], _entries)


def entry(key: str, name: str) -> Call[str | None]:
    """What the list says of one limiter."""
    return command("HGET", [key], [name], lambda reply: None if reply is None else reply.decode())


def unlist(key: str, names: Sequence[str]) -> Call[int]:
    """Take limiters off the list."""
    return command("HDEL", [key], list(names), int)


def _entries(reply: list[Any]) -> tuple[str, list[tuple[str, str]]]:
    cursor, flat = reply
    return cursor.decode(), list(text_fields(flat).items())


def _in_millis(reply: int | list[Any]) -> Answer:
    return _answer(reply, 1e3)


def _in_micros(reply: int | list[Any]) -> Answer:
    return _answer(reply, 1e6)


def _answer(reply: int | list[Any], second: float) -> Answer:
    """An answer: of units that were taken, with what it takes to give them back; of a refusal, with how the limiter is used."""
    if isinstance(reply, int):
        return Answer(reply / second)
    seconds = reply[0] / second
    return Answer(seconds, reply[1]) if seconds >= 0 else Answer(seconds, refused=_whole(reply[1:]))


def _whole(reply: list[Any]) -> Sequence[int]:
    return tuple(map(int, reply))


def _popped(reply: list[bytes] | None) -> int | None:
    return None if reply is None else int(reply[1])
