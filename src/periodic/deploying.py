"""Definitions in Redis: deploying a schedule, and entries that are put there at run time.

What is in Redis is what is fired, whoever leads: so a leader of old code fires the new schedule. An entry that changes keeps
its name, its history and, if its timing stays as it was, its place.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING

from shiftboss import keys
from shiftboss.engine import KnowingEngine, KnownJob
from shiftboss.errors import Mistake, ScheduleError
from shiftboss.keys import PeriodicKeys
from shiftboss.plan import Plan, run, run_both

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


def deploy(client: Shiftboss, schedule: Schedule, *, only_if_lost: bool = False) -> Plan[bool]:
    """Make a schedule what is fired, unless it is already; whether anything changed. What was put at run time stays.

    Of two deploys that cross, the one that began later is carried out, and the other stops where it is.

    Args:
        client: Where it is fired.
        schedule: What it is to be.
        only_if_lost: Leave any content as it is that there is.
    """
    of = PeriodicKeys(client.namespace, schedule.name)
    entries = [resolved(client, entry) for entry in schedule.entries]
    said = fingerprint_of(schedule.entries)
    content = said + fingerprint_of(entries)
    fingerprint, before, by, at = yield from run(calls.meta(of))
    if fingerprint.startswith(said) and fingerprint != content:
        # Another process has deployed the same, and may know jobs that this one does not.
        known = yield from entries_of(client, schedule.name)
        pairs = zip(schedule.entries, entries, strict=True)
        entries = [known.get(entry.name, entry) if entry is plain else entry for plain, entry in pairs]
        content = said + fingerprint_of(entries)
    if fingerprint == content:
        if (yield from _is_whole(of, entries)):
            return False
        log.warning("schedule %r: Redis has lost entries, or when they fire; deployed anew", schedule.name)
    elif fingerprint and only_if_lost:
        return False
    number = yield from run(calls.begin(of))
    now = yield from run(calls.time())
    if before == content and not fingerprint.startswith(said) and at and now - int(at) < IN_TURN:
        log.warning(
            "schedule %r had this content before %s changed it %d s ago, and has it again: do two apps use one schedule name? "
            "Then give one another, with schedule: in its file",
            schedule.name, by, (now - int(at)) // 1000,
        )  # fmt: skip
    there = yield from entries_of(client, schedule.name)
    named = {entry.name for entry in entries}
    theirs = _deployed(there)
    gone = [name for name in theirs if name not in named]
    _warn_of_another_app(schedule.name, named, theirs, f"what {by} deployed, which this process has replaced")
    yield from run(calls.announce(keys.schedules(client.namespace), schedule.name))
    placed = yield from run(calls.scores(of))
    through = (yield from _put(of, schedule.name, there, placed, entries, now, number)) and (
        yield from _remove(of, gone, number)
    )
    stamp = calls.stamp(of, content, here(), channel(client.namespace, schedule.name), number)
    if not through or (yield from run(stamp)) < 0:
        log.info("schedule %r: another deploy has begun meanwhile, and is the one that counts", schedule.name)
        return False
    log.info("schedule %r: %d entries deployed, %d removed", schedule.name, len(entries), len(gone))
    return True


def resolved(client: Shiftboss, entry: Entry) -> Entry:
    """The entry with what this process knows of its job: whoever fires it may not know the job."""
    known = _known(client, entry)
    if known is None:
        return entry
    return replace(entry, queue=entry.queue or known.queue, options={**known.options, **entry.options})


def fingerprint_of(entries: Iterable[Entry]) -> str:
    """Changes when anything in the entries does."""
    said = "\n".join(entry.to_json() for entry in sorted(entries, key=lambda entry: entry.name))
    return sha256(said.encode()).hexdigest()[:16]


def put(client: Shiftboss, schedule: str, entry: Entry) -> Plan[None]:
    """Put an entry beside those of file and code.

    Raises:
        ScheduleError: File or code has one of that name, or its job is known here and needs arguments.
    """
    known = _known(client, entry)
    if known is not None and known.problem:
        raise ScheduleError.of(Mistake(f"a periodic job gets no arguments: {known.problem}", entry=entry.name))
    of = PeriodicKeys(client.namespace, schedule)
    before = yield from entry_of(client, schedule, entry.name)
    there = {} if before is None else {entry.name: before}
    place, now = yield from run_both(calls.score(of, entry.name), calls.time())
    placed = () if place is None else (entry.name,)
    if not (yield from _put(of, schedule, there, placed, [resolved(client, entry)], now, 0)):
        raise (yield from _theirs(client, schedule, entry.name, "changed"))
    yield from _changed(client, of, schedule)


def remove(client: Shiftboss, schedule: str, name: str) -> Plan[bool]:
    """Take an entry out that was put at run time; whether it was there.

    Raises:
        ScheduleError: It is file's or code's.
    """
    of = PeriodicKeys(client.namespace, schedule)
    gone = yield from run(calls.remove(of, 0, [name]))
    if gone < 0:
        raise (yield from _theirs(client, schedule, name, "removed"))
    yield from _changed(client, of, schedule)
    return gone > 0


def look_for_another_app(client: Shiftboss, schedule: Schedule, looked_at: str) -> Plan[str]:
    """Warn if what is fired under this schedule's name is all another's.

    Args:
        client: Where it is fired.
        schedule: What this process has deployed.
        looked_at: The fingerprint of the content at the last look.

    Returns:
        The fingerprint now.
    """
    fingerprint, _, by, _ = yield from run(calls.meta(PeriodicKeys(client.namespace, schedule.name)))
    if fingerprint != looked_at and not fingerprint.startswith(fingerprint_of(schedule.entries)):
        theirs = _deployed((yield from entries_of(client, schedule.name)))
        mine = {entry.name for entry in schedule.entries}
        _warn_of_another_app(schedule.name, mine, theirs, f"what {by} has deployed in place of them")
    return fingerprint


def renew(client: Shiftboss, schedule: str) -> Plan[None]:
    """Keep a schedule that nobody changes: otherwise Redis forgets it a year after its last deploy, and what rests fires again."""
    yield from run(calls.renew(PeriodicKeys(client.namespace, schedule)))
    yield from run(calls.announce(keys.schedules(client.namespace), schedule))


def entries_of(client: Shiftboss, schedule: str) -> Plan[dict[str, Entry]]:
    """All entries of a schedule by name."""
    found = yield from run(calls.entries(PeriodicKeys(client.namespace, schedule)))
    return {name: Entry.from_json(text) for name, text in sorted(found.items())}


def entry_of(client: Shiftboss, schedule: str, name: str) -> Plan[Entry | None]:
    """An entry of a schedule, if it is there."""
    found = yield from run(calls.definition(PeriodicKeys(client.namespace, schedule), name))
    return Entry.from_json(found) if found else None


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


def _known(client: Shiftboss, entry: Entry) -> KnownJob | None:
    engine = client.engine
    return engine.known(entry.job) if isinstance(engine, KnowingEngine) else None


def _put(
    of: PeriodicKeys,
    schedule: str,
    there: Mapping[str, Entry],
    placed: Container[str],
    entries: Sequence[Entry],
    now: int,
    deploy: int,
) -> Plan[bool]:
    """Write entries down; False where a later deploy has begun, or one of them is not to be changed at run time. What was there
    before keeps its place, if it has one.
    """
    for start in range(0, len(entries), AT_ONCE):
        rest: list[str] = []
        for entry in entries[start : start + AT_ONCE]:
            before = there.get(entry.name) if entry.name in placed else None
            rest += [entry.name, entry.to_json(), _place(schedule, before, entry, now)]
        if (yield from run(calls.put(of, deploy, rest))) < 0:
            return False
    return True


def _place(schedule: str, before: Entry | None, entry: Entry, now: int) -> str:
    """The millisecond of its next tick; or what says that it keeps the one it has, moved as its jitter is, or that it has none."""
    if not entry.enabled:
        return "-"
    if before is not None and before.enabled and before.timing == entry.timing:
        later = entry.delay(schedule) - before.delay(schedule)
        return f"+{later}" if later else ""
    return str(entry.after(now) + entry.delay(schedule))


def _remove(of: PeriodicKeys, names: Sequence[str], deploy: int) -> Plan[bool]:
    """Take entries out; False where a later deploy has begun."""
    for start in range(0, len(names), AT_ONCE):
        if (yield from run(calls.remove(of, deploy, names[start : start + AT_ONCE]))) < 0:
            return False
    return True


def _is_whole(of: PeriodicKeys, entries: Iterable[Entry]) -> Plan[bool]:
    """Whether all entries are there, and those that fire have a place: an eviction or a careless hand may have taken a key."""
    names, placed = yield from run_both(calls.names_of_entries(of), calls.scores(of))
    return all(entry.name in names and (entry.name in placed or not entry.enabled) for entry in entries)


def _deployed(there: dict[str, Entry]) -> set[str]:
    """The names of those that were not put there at run time."""
    return {name for name, entry in there.items() if entry.source != "runtime"}


def _warn_of_another_app(schedule: str, mine: set[str], theirs: set[str], what: str) -> None:
    """A new release of one app changes some entries; that all have other names is rare."""
    if mine and theirs and not mine & theirs:
        log.warning(
            "schedule %r: no entry of this process, such as %r, is in %s, such as %r: do two apps use one schedule name? "
            "Then give one another, with schedule: in its file",
            schedule, min(mine), what, min(theirs),
        )  # fmt: skip


def _changed(client: Shiftboss, of: PeriodicKeys, schedule: str) -> Plan[None]:
    yield from run(calls.announce(keys.schedules(client.namespace), schedule))
    yield from run(calls.stamp(of, "", here(), channel(client.namespace, schedule), 0))


def _theirs(client: Shiftboss, schedule: str, name: str, what: str) -> Plan[ScheduleError]:
    """That an entry is not to be touched at run time. The script has refused it: a deploy may have come in between."""
    entry = yield from entry_of(client, schedule, name)
    source = "file or code" if entry is None else entry.source
    return ScheduleError(f"entry {name!r} is in the schedule's {source}; it can only be {what} there")
