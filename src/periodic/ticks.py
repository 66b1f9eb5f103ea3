"""Ticks on their way: what is written into the outbox, and the message that it becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from shiftboss.jobs import TOLD, KnowingEngine, Message, joining
from shiftboss.outbox import strike_off
from shiftboss.plan import Plan, run_many

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .entry import Entry

PREFIX = "periodic|tick|"
DEFAULT_QUEUE = "default"


def item_of(client: Shiftboss, schedule: str, entry: Entry, jid: str) -> str:
    """All that is needed to enqueue a tick, whoever does it and whatever becomes of the entry."""
    engine = client.engine
    known = engine.known(entry.job) if isinstance(engine, KnowingEngine) else None
    queue = entry.queue or (known.queue if known else "") or DEFAULT_QUEUE
    options: Mapping[str, Any] = {**(known.options if known else {}), **entry.options, TOLD: [schedule, entry.name]}
    said = {"job": entry.job, "queue": queue, "jid": jid, "options": options}
    return PREFIX + msgspec.json.encode(said).decode()


def message_of(item: str) -> Message:
    """The job of an outbox item."""
    said = msgspec.json.decode(item.removeprefix(PREFIX))
    return Message(said["job"], (), said["queue"], said["jid"], options=said["options"])


def enqueue(client: Shiftboss, out: str, items: Sequence[str]) -> Plan[None]:
    """Hand ticks to the engine and strike them off: where it can be in one script for each, sent together."""
    engine = joining(client.engine)
    if engine is not None:
        yield from run_many([engine.hand_over(message_of(item), out, item) for item in items])
        return
    yield from client.engine.enqueue([message_of(item) for item in items])
    yield from run_many([strike_off(out, item) for item in items])
