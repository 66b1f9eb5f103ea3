"""Where the members of batches are: in a queue, a set, or the hands of a process."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from shiftboss.decoders import sorted_texts
from shiftboss.jobs import Member, place_from
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import Plan, run
from shiftboss.scripts import Call, command

PAGE = 1_000


class _Job(msgspec.Struct):
    """All that is read of a payload."""

    sbm: Any = None


_decoder = msgspec.json.Decoder(_Job)


def whereabouts(keys: SidekiqKeys, bids: frozenset[str]) -> Plan[dict[str, set[int]]]:
    """The positions of all members of some batches that are anywhere.

    Places are read in the order in which jobs go through them, and those that jobs return to once more; so a job that moves
    meanwhile is seen in one or the other, but for the rarest ways back.
    """
    found: dict[str, set[int]] = {}
    for name in (keys.schedule, keys.retry):
        yield from _read_set(name, bids, found)
    for queue in (yield from run(_members(keys.queues))):
        yield from _read_list(keys.queue(queue), bids, found)
    for identity in (yield from run(_members(keys.workers))):
        yield from _read_list(keys.inflight(identity), bids, found)
    for name in (keys.retry, keys.schedule, keys.dead):
        yield from _read_set(name, bids, found)
    return found


def _read_list(name: str, bids: frozenset[str], found: dict[str, set[int]]) -> Plan[None]:
    """From the end that jobs are pushed to: what comes meanwhile moves the rest on, and none is missed."""
    first = 0
    while payloads := (yield from run(command("LRANGE", [name], [first, first + PAGE - 1], list[bytes]))):
        _note(payloads, bids, found)
        first += PAGE


def _read_set(name: str, bids: frozenset[str], found: dict[str, set[int]]) -> Plan[None]:
    cursor = b"0"
    while True:
        cursor, pairs = yield from run(command("ZSCAN", [name], [cursor, "COUNT", PAGE], tuple))
        _note(pairs[::2], bids, found)
        if cursor == b"0":
            return


def _note(payloads: Iterable[bytes], bids: frozenset[str], found: dict[str, set[int]]) -> None:
    for payload in payloads:
        try:
            place = place_from(_decoder.decode(payload).sbm)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        if isinstance(place, Member) and place.bid in bids:
            found.setdefault(place.bid, set()).add(place.position)


def _members(name: str) -> Call[list[str]]:
    return command("SMEMBERS", [name], [], sorted_texts)
