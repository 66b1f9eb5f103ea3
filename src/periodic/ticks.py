"""Ticks on their way: what is written into the outbox, and the message that it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec

from shiftboss.engine import NotPublished, joining
from shiftboss.jobs import TOLD, Message
from shiftboss.outbox import strike_off
from shiftboss.plan import Plan, run_many

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .entry import Entry

PREFIX = "periodic|tick|"
DEFAULT_QUEUE = "default"


def item_of(schedule: str, entry: Entry, jid: str) -> str:
    """All that is needed to enqueue a tick, whoever does it and whatever becomes of the entry."""
    options = {**entry.options, TOLD: [schedule, entry.name]}
    said = {"job": entry.job, "queue": entry.queue or DEFAULT_QUEUE, "jid": jid, "options": options}
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
    messages = {item: message_of(item) for item in items}
    try:
        yield from client.engine.enqueue(list(messages.values()))
    except NotPublished as error:
        yield from _strike_off(out, [item for item, message in messages.items() if message.id not in error.ids])
        raise
    yield from _strike_off(out, items)


def _strike_off(out: str, items: Sequence[str]) -> Plan[None]:
    if items:
        yield from run_many([strike_off(out, item) for item in items])
