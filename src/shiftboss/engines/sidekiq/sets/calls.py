"""What reads and changes queues and sets, as data. They return calls and do no I/O."""

from __future__ import annotations

from collections.abc import Sequence

from shiftboss.decoders import pairs, sorted_texts
from shiftboss.engines.sidekiq.durations import unpack
from shiftboss.keys import SidekiqKeys
from shiftboss.scripts import Arg, Call, command, script

Placed = tuple[bytes, float | None]


def bury(keys: SidekiqKeys, waiting: str, payload: bytes, keep: bytes) -> Call[bool]:
    """Move a job to the dead; whether it was still there."""
    return script("sidekiq/bury").call(bool, [waiting, keys.dead], [payload, keep])


def requeue(keys: SidekiqKeys, waiting: str, name: str, payload: bytes, pushed: bytes) -> Call[bool]:
    """Move a job to a queue; whether it was still there."""
    return script("sidekiq/requeue").call(bool, [waiting, keys.queues, keys.queue(name)], [name, payload, pushed])


def clear(keys: SidekiqKeys, waiting: str, name: str) -> Call[int]:
    """Drop all jobs of a place; how many there were."""
    return script("sidekiq/clear").call(int, [waiting, keys.queues], [name])


def in_queue(queue: str, first: int, count: int) -> Call[list[Placed]]:
    """Jobs of a queue, newest first."""
    return command("LRANGE", [queue], [first, first + count - 1], lambda reply: [(raw, None) for raw in reply])


def in_set(waiting: str, first: int, count: int, newest_first: bool) -> Call[list[Placed]]:
    """Jobs of a set by their score."""
    name = "ZREVRANGE" if newest_first else "ZRANGE"
    return command(name, [waiting], [first, first + count - 1, "WITHSCORES"], _placed)


def matching(waiting: str, cursor: bytes, pattern: str) -> Call[tuple[bytes, list[Placed]]]:
    """Jobs of a set whose payload matches a glob pattern, from a cursor on."""
    return command(
        "ZSCAN", [waiting], [cursor, "MATCH", pattern, "COUNT", 1_000], lambda reply: (reply[0], _placed(reply[1]))
    )


def between(waiting: str, first: float, last: float, count: int) -> Call[list[Placed]]:
    """Jobs of a set whose score lies between two."""
    span: list[Arg] = [repr(first), repr(last), "WITHSCORES", "LIMIT", 0, count]
    return command("ZRANGEBYSCORE", [waiting], span, _placed)


def size_of_queue(queue: str) -> Call[int]:
    return command("LLEN", [queue], [], int)


def size_of_set(waiting: str) -> Call[int]:
    return command("ZCARD", [waiting], [], int)


def delete_from_queue(queue: str, payload: bytes) -> Call[bool]:
    return command("LREM", [queue], [1, payload], bool, resend=False)


def delete_from_set(waiting: str, payload: bytes) -> Call[bool]:
    return command("ZREM", [waiting], [payload], bool)


def reschedule(waiting: str, payload: bytes, at: float) -> Call[bool]:
    """Change when a job that still waits is due; whether it waits."""
    return command("ZADD", [waiting], ["XX", "CH", repr(at), payload], bool)


def score(waiting: str, payload: bytes) -> Call[float | None]:
    return command("ZSCORE", [waiting], [payload], lambda reply: None if reply is None else float(reply))


def oldest(queue: str) -> Call[bytes | None]:
    return command("LINDEX", [queue], [-1], lambda reply: reply)


def members(name: str) -> Call[list[str]]:
    return command("SMEMBERS", [name], [], sorted_texts)


def add(name: str, member: str) -> Call[bool]:
    return command("SADD", [name], [member], bool)


def drop(name: str, member: str) -> Call[bool]:
    return command("SREM", [name], [member], bool)


def is_member(name: str, member: str) -> Call[bool]:
    return command("SISMEMBER", [name], [member], bool)


def fields(name: str) -> Call[dict[str, bytes]]:
    return command("HGETALL", [name], [], lambda reply: {field.decode(): value for field, value in pairs(reply)})


def minute(name: str) -> Call[dict[bytes, bytes]]:
    """What all jobs did in a minute, as it comes: of hundreds of thousands of fields few are read."""
    return command("HGETALL", [name], [], lambda reply: dict(pairs(reply)))


def minute_of(name: str, fields: Sequence[bytes]) -> Call[dict[bytes, bytes]]:
    """The same, some fields."""
    return command(
        "HMGET", [name], fields, lambda reply: {f: v for f, v in zip(fields, reply, strict=True) if v is not None}
    )


def histograms(names: Sequence[str]) -> Call[list[list[int]]]:
    """Histograms of durations, each of which may not be there."""
    return command("MGET", names, [], lambda reply: [unpack(stored) for stored in reply])


def number(name: str) -> Call[int]:
    return command("GET", [name], [], lambda reply: int(reply or 0))


def forget(names: Sequence[str]) -> Call[int]:
    return command("DEL", list(names), [], int)


def newest_failures(keys: SidekiqKeys, first: int, count: int) -> Call[list[bytes]]:
    return command("LRANGE", [keys.failures], [first, first + count - 1], list[bytes])


def signal(keys: SidekiqKeys, identity: str, name: str) -> Call[int]:
    """Leave a signal for a process, which looks for it when it beats."""
    return command("LPUSH", [keys.signals(identity)], [name], int, resend=False)


def expire(name: str, seconds: int) -> Call[int]:
    return command("EXPIRE", [name], [seconds], int)


def _placed(reply: list[bytes]) -> list[Placed]:
    return [(raw, float(at)) for raw, at in pairs(reply)]
