"""The operations of schedules, one function per file in ``lua/periodic``. They return calls and do no I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shiftboss.decoders import instants, sorted_texts, text_fields, texts
from shiftboss.keys import PeriodicKeys
from shiftboss.scripts import Arg, Call, command, script


@dataclass(frozen=True, slots=True)
class DueEntry:
    """An entry whose tick has come: the millisecond it was put down for, its definition, whether it rests."""

    name: str
    at: int
    definition: str
    paused: bool


@dataclass(frozen=True, slots=True)
class Claimed:
    """What became of a claim: ``ok`` or ``deposed``, the server's milliseconds, and the outcome of each move, empty where its
    entry stood elsewhere.
    """

    status: str
    now: int
    outcomes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Due:
    """What is due: the server's milliseconds, those until the next tick or None, the entries."""

    now: int
    wait: int | None
    entries: tuple[DueEntry, ...]


def lead(keys: PeriodicKeys, owner: str, lease: int) -> Call[tuple[int, int]]:
    """Become or stay the leader: the term, 0 if another leads, and the milliseconds of the lease."""
    return script("periodic/lead").call(tuple, [keys.leader, keys.term], [owner, lease])


def resign(keys: PeriodicKeys, mine: str, channel: str) -> Call[bool]:
    """Stop leading; whether this process led."""
    return script("periodic/resign").call(bool, [keys.leader], [mine, channel])


def due(keys: PeriodicKeys, skip: int, limit: int) -> Call[Due]:
    """What is due now, but for the first so many, and when the next tick is."""
    return script("periodic/due").call(_due, [keys.due, keys.entries, keys.paused], [skip, limit])


def claim(keys: PeriodicKeys, mine: str, grace: int, entries: Sequence[str], moves: Sequence[Arg]) -> Call[Claimed]:
    """Move entries to their next ticks, for each its name and eight values; what became of each."""
    return script("periodic/claim").call(
        lambda reply: Claimed(reply[0].decode(), int(reply[1]), tuple(texts(reply[2:]))),
        [keys.leader, keys.due, keys.out, keys.running, keys.queued, *map(keys.history, entries)],
        [mine, grace, *moves],
    )


def finish(keys: PeriodicKeys, entry: str, jid: str, ended: str, grace: int) -> Call[list[str]]:
    """Note how a tick's job has ended; what is to be enqueued now."""
    return script("periodic/finish").call(
        texts, [keys.running, keys.queued, keys.out, keys.history(entry)], [entry, jid, ended, grace]
    )


def run_now(keys: PeriodicKeys, entry: str, item: str, line: str, channel: str) -> Call[bool]:
    """Have a job enqueued out of turn; False if this was said before."""
    return script("periodic/run_now").call(bool, [keys.out, keys.history(entry)], [item, line, channel])


def begin(keys: PeriodicKeys) -> Call[int]:
    """Begin to deploy; the number of the deploy."""
    return script("periodic/begin").call(int, [keys.meta], [])


def put(keys: PeriodicKeys, deploy: int, rest: Sequence[Arg]) -> Call[int]:
    """Write entries down: name, definition and next tick of each; how many were new, negative where they may not be."""
    return script("periodic/put").call(int, [keys.entries, keys.due, keys.meta], [deploy, *rest])


def remove(keys: PeriodicKeys, deploy: int, names: Sequence[str]) -> Call[int]:
    """Take entries out; how many were there, negative where they may not be."""
    return script("periodic/remove").call(
        int, [keys.entries, keys.due, keys.paused, keys.running, keys.queued, keys.meta], [deploy, *names]
    )


def pause(keys: PeriodicKeys, rest: bool, places: Sequence[tuple[str, str]]) -> Call[int]:
    """Let entries rest, or fire again from their places on, each with its name before; how many of them are there."""
    return script("periodic/pause").call(
        int, [keys.entries, keys.due, keys.paused], [int(rest), *(part for place in places for part in place)]
    )


def stamp(keys: PeriodicKeys, fingerprint: str, by: str, channel: str, deploy: int) -> Call[int]:
    """Say which content the schedule has now, and wake who fires it; whether it is another, -1 where a later deploy has begun."""
    return script("periodic/stamp").call(int, [keys.meta], [fingerprint, by, channel, deploy])


def renew(keys: PeriodicKeys) -> Call[bool]:
    """Keep the schedule for another year."""
    return script("periodic/renew").call(bool, [keys.entries, keys.due, keys.paused, keys.meta], [])


def meta(keys: PeriodicKeys) -> Call[list[str]]:
    """Fingerprint of the content, of the one before, by whom, and the millisecond; empty where there is none."""
    return command("HMGET", [keys.meta], ["fingerprint", "before", "by", "at"], _maybe)


def entries(keys: PeriodicKeys) -> Call[dict[str, str]]:
    """Definitions by name."""
    return command("HGETALL", [keys.entries], [], text_fields)


def definition(keys: PeriodicKeys, entry: str) -> Call[str]:
    """The definition of an entry; empty if there is no such."""
    return command("HGET", [keys.entries], [entry], lambda reply: (reply or b"").decode())


def scores(keys: PeriodicKeys) -> Call[dict[str, int]]:
    """The millisecond of each entry's next tick."""
    return command("ZRANGE", [keys.due], [0, -1, "WITHSCORES"], lambda reply: dict(instants(reply)))


def score(keys: PeriodicKeys, entry: str) -> Call[int | None]:
    """The millisecond of an entry's next tick; None for one that does not fire."""
    return command("ZSCORE", [keys.due], [entry], lambda reply: None if reply is None else int(float(reply)))


def names_of_entries(keys: PeriodicKeys) -> Call[set[str]]:
    """The names of all that are defined."""
    return command("HKEYS", [keys.entries], [], lambda reply: set(texts(reply)))


def paused(keys: PeriodicKeys) -> Call[set[str]]:
    """Names of entries that rest."""
    return command("SMEMBERS", [keys.paused], [], lambda reply: set(texts(reply)))


def history(keys: PeriodicKeys, entry: str, limit: int) -> Call[list[str]]:
    """The newest runs of an entry, as JSON."""
    return command("LRANGE", [keys.history(entry)], [0, limit - 1], texts)


def leader(keys: PeriodicKeys) -> Call[tuple[str, int] | None]:
    """Who leads, and in which term."""
    return command("GET", [keys.leader], [], _leader)


def time() -> Call[int]:
    """The server's milliseconds."""
    return command("TIME", [], [], lambda reply: int(reply[0]) * 1000 + int(reply[1]) // 1000)


def names(key: str) -> Call[list[str]]:
    """Names of schedules."""
    return command("SMEMBERS", [key], [], sorted_texts)


def announce(schedules: str, name: str) -> Call[bool]:
    """Put a schedule on the list; whether it is new."""
    return script("periodic/announce").call(bool, [schedules], [name])


def _due(reply: list[Any]) -> Due:
    now, wait, *rest = reply
    entries = zip(rest[::4], rest[1::4], rest[2::4], rest[3::4], strict=True)
    found = tuple(DueEntry(n.decode(), int(float(at)), text.decode(), bool(rests)) for n, at, text, rests in entries)
    return Due(int(now), None if int(wait) < 0 else int(wait), found)


def _maybe(reply: list[bytes | None]) -> list[str]:
    return [(text or b"").decode() for text in reply]


def _leader(reply: bytes | None) -> tuple[str, int] | None:
    if reply is None:
        return None
    owner, term, _ = reply.decode().rsplit("|", 2)
    return owner, int(term)
