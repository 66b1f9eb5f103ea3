"""Definitions in Redis: deploying a schedule, and entries that are put there at run time.

What is in Redis is what is fired, whoever leads: so a leader of old code fires the new schedule. An entry that changes keeps
its name, its history and, if its timing stays as it was, its place.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from shiftboss import keys
from shiftboss.errors import ScheduleError
from shiftboss.keys import PeriodicKeys
from shiftboss.plan import Plan, run

from . import calls
from .entry import Entry

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .schedule import Schedule

log = logging.getLogger("shiftboss.periodic")
AT_ONCE = 300
# Milliseconds within which content that comes back looks like two apps that deploy in turn.
IN_TURN = 3_600_000
_RANK = {"runtime": 0, "code": 1, "file": 2}


def channel(namespace: str, schedule: str) -> str:
    """Where those listen who fire a schedule."""
    return PeriodicKeys(namespace, schedule).due


def deploy(client: Shiftboss, schedule: Schedule) -> Plan[bool]:
    """Make a schedule what is fired, unless it is already; whether anything changed. What was put at run time stays."""
    of = PeriodicKeys(client.namespace, schedule.name)
    fingerprint, before, by, at = yield from run(calls.meta(of))
    if fingerprint == schedule.fingerprint:
        return False
    now = yield from run(calls.time())
    if before == schedule.fingerprint and at and now - int(at) < IN_TURN:
        log.warning(
            "schedule %r had this content before %s changed it %d s ago, and has it again: do two apps use one schedule name? "
            "Then give one another, with schedule: in its file",
            schedule.name, by, (now - int(at)) // 1000,
        )  # fmt: skip
    there = {name: Entry.from_json(text) for name, text in (yield from run(calls.entries(of))).items()}
    yield from _put(of, schedule.name, there, schedule.entries, now)
    named = {entry.name for entry in schedule.entries}
    gone = [name for name, entry in there.items() if entry.source != "runtime" and name not in named]
    yield from _remove(of, gone)
    yield from run(calls.announce(keys.schedules(client.namespace), schedule.name))
    yield from run(calls.stamp(of, schedule.fingerprint, here(), channel(client.namespace, schedule.name)))
    log.info("schedule %r: %d entries deployed, %d removed", schedule.name, len(schedule.entries), len(gone))
    return True


def put(client: Shiftboss, schedule: str, entry: Entry) -> Plan[None]:
    """Put an entry beside those of file and code.

    Raises:
        ScheduleError: File or code has one of that name.
    """
    of = PeriodicKeys(client.namespace, schedule)
    there = yield from entries_of(client, schedule)
    _refuse_theirs(there, entry.name, "changed")
    now = yield from run(calls.time())
    yield from _put(of, schedule, there, [entry], now)
    yield from _changed(client, of, schedule)


def remove(client: Shiftboss, schedule: str, name: str) -> Plan[bool]:
    """Take an entry out that was put at run time; whether it was there.

    Raises:
        ScheduleError: It is file's or code's.
    """
    of = PeriodicKeys(client.namespace, schedule)
    there = yield from entries_of(client, schedule)
    _refuse_theirs(there, name, "removed")
    gone = yield from run(calls.remove(of, [name]))
    yield from _changed(client, of, schedule)
    return gone > 0


def entries_of(client: Shiftboss, schedule: str) -> Plan[dict[str, Entry]]:
    """All entries of a schedule by name."""
    found = yield from run(calls.entries(PeriodicKeys(client.namespace, schedule)))
    return {name: Entry.from_json(text) for name, text in sorted(found.items())}


def merged(*sources: Iterable[Entry]) -> tuple[Entry, ...]:
    """Entries of several sources: of those with one name, file's before code's before run time's."""
    found: dict[str, Entry] = {}
    for entry in (entry for source in sources for entry in source):
        other = found.get(entry.name)
        if other is None or _RANK[entry.source] > _RANK[other.source]:
            found[entry.name] = entry
    return tuple(found.values())


def here() -> str:
    """What people know this process by."""
    return f"{socket.gethostname()}:{os.getpid()}"


def _put(of: PeriodicKeys, schedule: str, there: dict[str, Entry], entries: Sequence[Entry], now: int) -> Plan[None]:
    for start in range(0, len(entries), AT_ONCE):
        rest: list[str] = []
        for entry in entries[start : start + AT_ONCE]:
            rest += [entry.name, entry.to_json(), _place(schedule, there.get(entry.name), entry, now)]
        yield from run(calls.put(of, rest))


def _place(schedule: str, before: Entry | None, entry: Entry, now: int) -> str:
    """The millisecond of its next tick, or what says that it keeps the one it has, or that it has none."""
    if not entry.enabled:
        return "-"
    same = before is not None and before.enabled
    if before is not None and same and (before.timing, before.jitter) == (entry.timing, entry.jitter):
        return ""
    return str(entry.after(now) + entry.delay(schedule))


def _remove(of: PeriodicKeys, names: Sequence[str]) -> Plan[None]:
    for start in range(0, len(names), AT_ONCE):
        yield from run(calls.remove(of, names[start : start + AT_ONCE]))


def _changed(client: Shiftboss, of: PeriodicKeys, schedule: str) -> Plan[None]:
    yield from run(calls.announce(keys.schedules(client.namespace), schedule))
    yield from run(calls.stamp(of, "", here(), channel(client.namespace, schedule)))


def _refuse_theirs(there: dict[str, Entry], name: str, what: str) -> None:
    entry = there.get(name)
    if entry is not None and entry.source != "runtime":
        raise ScheduleError(f"entry {name!r} is in the schedule's {entry.source}; it can only be {what} there")
