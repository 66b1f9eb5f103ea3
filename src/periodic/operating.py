"""What people do with a schedule while it runs: look at it, let entries rest, run one out of turn."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import msgspec

from shiftboss import keys
from shiftboss.client import current_client
from shiftboss.errors import ConfigError, EntryNotFound, ScheduleError
from shiftboss.keys import PeriodicKeys
from shiftboss.plan import Plan, run, run_both

from . import calls, deploying
from .checking import check_schedule_name, make_entry
from .entry import Entry
from .registration import name_of
from .state import EntryStatus, Leader, Run
from .ticks import item_of

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


def schedules(*, client: Shiftboss | None = None) -> list[str]:
    """The names of all schedules. One round trip."""
    client = client or current_client()
    return client.store.run(calls.names(keys.schedules(client.namespace)))


async def aschedules(*, client: Shiftboss | None = None) -> list[str]:
    """As `schedules`, for coroutines."""
    client = client or current_client()
    return await client.astore.run(calls.names(keys.schedules(client.namespace)))


def entries(schedule: str = "default", *, client: Shiftboss | None = None) -> list[EntryStatus]:
    """All entries of a schedule, by name. Three round trips."""
    client = client or current_client()
    return client.perform(_entries(client, schedule))


async def aentries(schedule: str = "default", *, client: Shiftboss | None = None) -> list[EntryStatus]:
    """As `entries`, for coroutines."""
    client = client or current_client()
    return await client.aperform(_entries(client, schedule))


def history(name: str, schedule: str = "default", *, limit: int = 100, client: Shiftboss | None = None) -> list[Run]:
    """The newest runs of an entry, of 100 that are kept. One round trip.

    Args:
        name: The entry's name; also of one that is in the schedule no more.
        schedule: Of which schedule.
        limit: How many at most.
        client: Whose Redis; default the current client.

    Raises:
        ConfigError: A limit that is no whole number from 1 on.
    """
    client = client or current_client()
    return client.perform(_history(client, schedule, name, limit))


async def ahistory(
    name: str, schedule: str = "default", *, limit: int = 100, client: Shiftboss | None = None
) -> list[Run]:
    """As `history`, for coroutines."""
    client = client or current_client()
    return await client.aperform(_history(client, schedule, name, limit))


def leader(schedule: str = "default", *, client: Shiftboss | None = None) -> Leader | None:
    """Who fires a schedule now. One round trip."""
    client = client or current_client()
    found = client.store.run(calls.leader(_keys(client, schedule)))
    return None if found is None else Leader(*found)


async def aleader(schedule: str = "default", *, client: Shiftboss | None = None) -> Leader | None:
    """As `leader`, for coroutines."""
    client = client or current_client()
    found = await client.astore.run(calls.leader(_keys(client, schedule)))
    return None if found is None else Leader(*found)


def pause(name: str, schedule: str = "default", *, client: Shiftboss | None = None) -> None:
    """Let an entry rest, through deploys, until it is resumed. Its ticks meanwhile are gone. Two round trips.

    Raises:
        EntryNotFound: There is no such entry.
    """
    client = client or current_client()
    client.perform(_pause(client, schedule, name))


async def apause(name: str, schedule: str = "default", *, client: Shiftboss | None = None) -> None:
    """As `pause`, for coroutines."""
    client = client or current_client()
    await client.aperform(_pause(client, schedule, name))


def resume(name: str, schedule: str = "default", *, client: Shiftboss | None = None) -> None:
    """Let an entry fire again, from its next tick on. Three round trips.

    Raises:
        EntryNotFound: There is no such entry.
        ScheduleError: This host does not know its time zone.
    """
    client = client or current_client()
    client.perform(_resume(client, schedule, name))


async def aresume(name: str, schedule: str = "default", *, client: Shiftboss | None = None) -> None:
    """As `resume`, for coroutines."""
    client = client or current_client()
    await client.aperform(_resume(client, schedule, name))


def run_now(name: str, schedule: str = "default", *, client: Shiftboss | None = None) -> str:
    """Have an entry's job enqueued now, also of one that rests; its ticks stay where they are. Two round trips.

    Whoever fires the schedule does it, at once, for it knows the engine; where nobody does, the next worker that looks after
    what was left behind.

    Returns:
        The job's id.

    Raises:
        EntryNotFound: There is no such entry.
    """
    client = client or current_client()
    return client.perform(_run_now(client, schedule, name))


async def arun_now(name: str, schedule: str = "default", *, client: Shiftboss | None = None) -> str:
    """As `run_now`, for coroutines."""
    client = client or current_client()
    return await client.aperform(_run_now(client, schedule, name))


def put(name: str, *, job: object, schedule: str = "default", client: Shiftboss | None = None, **said: Any) -> Entry:
    """Put an entry into a schedule at run time, new or changed, beside those of file and code. Five round trips.

    Args:
        name: The entry's name.
        job: The job, or what the engine knows it by.
        schedule: Of which schedule.
        client: Whose Redis; default the current client.
        said: Any key of the schedule file.

    Raises:
        ScheduleError: Something that cannot be right, a job that is known here and needs arguments, or an entry of file or code
            of that name.
    """
    client = client or current_client()
    entry = make_entry(name, {"job": name_of(job), **said}, source="runtime")
    client.perform(deploying.put(client, check_schedule_name(schedule), entry))
    return entry


async def aput(
    name: str, *, job: object, schedule: str = "default", client: Shiftboss | None = None, **said: Any
) -> Entry:
    """As `put`, for coroutines."""
    client = client or current_client()
    entry = make_entry(name, {"job": name_of(job), **said}, source="runtime")
    await client.aperform(deploying.put(client, check_schedule_name(schedule), entry))
    return entry


def remove(name: str, schedule: str = "default", *, client: Shiftboss | None = None) -> bool:
    """Take an entry out that was put at run time; whether it was there. Three round trips.

    Raises:
        ScheduleError: It is file's or code's.
    """
    client = client or current_client()
    return client.perform(deploying.remove(client, schedule, name))


async def aremove(name: str, schedule: str = "default", *, client: Shiftboss | None = None) -> bool:
    """As `remove`, for coroutines."""
    client = client or current_client()
    return await client.aperform(deploying.remove(client, schedule, name))


def upcoming(entry: Entry, count: int, after: datetime | None = None) -> list[datetime]:
    """The next so many instants of an entry, without its jitter. No round trip.

    Args:
        entry: The entry.
        count: How many.
        after: A moment with a time zone; default now.

    Raises:
        ScheduleError: A moment without a time zone; or this host does not know the entry's.
    """
    after = datetime.now(UTC) if after is None else after
    if after.utcoffset() is None:
        raise ScheduleError(f"expected after to be a datetime with a time zone, got {after!r}")
    begin = round(after.timestamp() * 1000)
    return [datetime.fromtimestamp(at / 1000, UTC) for at in islice(entry.following(begin), count)]


def _keys(client: Shiftboss, schedule: str) -> PeriodicKeys:
    return PeriodicKeys(client.namespace, schedule)


def _entries(client: Shiftboss, schedule: str) -> Plan[list[EntryStatus]]:
    of = _keys(client, schedule)
    found: Mapping[str, Entry] = yield from deploying.entries_of(client, schedule)
    scores = yield from run(calls.scores(of))
    paused = yield from run(calls.paused(of))
    return [
        EntryStatus(entry, datetime.fromtimestamp(scores[name] / 1000, UTC) if name in scores else None, name in paused)
        for name, entry in found.items()
    ]


def _history(client: Shiftboss, schedule: str, name: str, limit: int) -> Plan[list[Run]]:
    if not isinstance(limit, int) or limit < 1:
        raise ConfigError(f"expected limit to be a whole number from 1 on, got {limit!r}")
    return [Run.read(text) for text in (yield from run(calls.history(_keys(client, schedule), name, limit)))]


def _pause(client: Shiftboss, schedule: str, name: str) -> Plan[None]:
    yield from _rest(client, schedule, name, True, "")


def _resume(client: Shiftboss, schedule: str, name: str) -> Plan[None]:
    definition, now = yield from run_both(calls.definition(_keys(client, schedule), name), calls.time())
    if not definition:
        raise _missing(schedule, name)
    entry = Entry.from_json(definition)
    delay = entry.delay(schedule)
    yield from _rest(client, schedule, name, False, str(entry.after(now - delay) + delay))


def _rest(client: Shiftboss, schedule: str, name: str, rest: bool, place: str) -> Plan[None]:
    of = _keys(client, schedule)
    if not (yield from run(calls.pause(of, rest, [(name, place)]))):
        raise _missing(schedule, name)
    yield from run(calls.stamp(of, "", deploying.here(), deploying.channel(client.namespace, schedule), 0))


def _run_now(client: Shiftboss, schedule: str, name: str) -> Plan[str]:
    of = _keys(client, schedule)
    entry = yield from deploying.entry_of(client, schedule, name)
    if entry is None:
        raise _missing(schedule, name)
    jid = secrets.token_hex(12)
    line = msgspec.json.encode({"planned": None, "lateness": 0, "jid": jid, "term": 0}).decode()[:-1]
    item, channel = item_of(schedule, entry, jid), deploying.channel(client.namespace, schedule)
    yield from run(calls.run_now(of, name, item, line, channel))
    return jid


def _missing(schedule: str, name: str) -> EntryNotFound:
    return EntryNotFound(f"no entry {name!r} in schedule {schedule!r}; see shiftboss periodic ls")
