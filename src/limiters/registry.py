"""The list of limiters: each process writes down each that it uses, once and then once a day."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Self
from weakref import WeakKeyDictionary

import msgspec

from shiftboss import keys
from shiftboss.errors import ConfigError
from shiftboss.plan import Plan, carry, run

from . import calls

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .base import Limiter

DAY = 86400.0
# Seconds for which an entry stays on the list beyond the time for which its limiter is remembered: it is renewed once a day.
SLACK = 2 * DAY
YEAR_MS = 365 * 86_400_000
PAGE = 500
# Of so many definitions one process remembers at most that it has written them down.
MOST = 100_000

# When each definition was written down, by its limiter's mark.
_written: WeakKeyDictionary[Shiftboss, dict[int, float]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Listed:
    """A limiter as the list has it.

    Args:
        name: Its name.
        kind: ``concurrent``, ``bucket``, ``window``, ``leaky`` or ``points``.
        seen: When a process last said that it uses it; each does so once a day.
        definition: What it said of it.
    """

    name: str
    kind: str
    seen: datetime
    definition: Mapping[str, Any]

    @classmethod
    def read(cls, name: str, text: str) -> Self:
        """An entry of the list."""
        seen, kind, definition = text.split("|", 2)
        return cls(name, kind, datetime.fromtimestamp(int(seen) / 1000, UTC), msgspec.json.decode(definition))

    @property
    def is_forgotten(self) -> bool:
        """Whether nobody has used it for longer than it is remembered."""
        return datetime.now(UTC) - self.seen > timedelta(seconds=self.definition["ttl"] + SLACK)


def is_written(limiter: Limiter, client: Shiftboss) -> bool:
    """Whether this process has lately written this definition down."""
    written = _written.get(client)
    at = written.get(limiter.mark) if written else None
    return at is not None and time.monotonic() - at < DAY


def register(limiter: Limiter, client: Shiftboss, patience: float) -> Plan[None]:
    """Write a limiter down. One round trip, answered within `patience` seconds.

    Raises:
        ConfigError: The name stands for a limiter of another kind.
    """
    text = msgspec.json.encode(limiter.definition()).decode()
    call = calls.register(
        keys.limiters(client.namespace), limiter.name, limiter.kind, text, YEAR_MS, round(SLACK * 1000)
    )
    kind = yield from carry(call, (), patience)
    if kind != limiter.kind:
        raise ConfigError(
            f"the name {limiter.name!r} stands for a {kind} limiter already; give this {limiter.kind} limiter another, or "
            f"remove that one: shiftboss limiters rm {limiter.name}"
        )
    written = _written.get(client)
    if written is None or len(written) >= MOST:
        written = _written[client] = {}
    written[limiter.mark] = time.monotonic()


def page(client: Shiftboss, cursor: str) -> Plan[tuple[str, list[Listed]]]:
    """Some of the list, and where it goes on; an empty cursor begins and ends it. What nobody uses any more leaves it."""
    key = keys.limiters(client.namespace)
    after, entries = yield from run(calls.listed(key, cursor or "0", PAGE))
    found = [Listed.read(name, text) for name, text in entries]
    if forgotten := [one.name for one in found if one.is_forgotten]:
        yield from run(calls.unlist(key, forgotten))
    return "" if after == "0" else after, [one for one in found if not one.is_forgotten]


def listed(client: Shiftboss, name: str) -> Plan[Listed | None]:
    """What the list says of one limiter; None if it is not on it, or no longer in use."""
    text = yield from run(calls.entry(keys.limiters(client.namespace), name))
    found = None if text is None else Listed.read(name, text)
    return None if found is None or found.is_forgotten else found


def unregister(client: Shiftboss, name: str) -> Plan[None]:
    """Take a limiter off the list; who uses it writes it down again."""
    yield from run(calls.unlist(keys.limiters(client.namespace), [name]))
    _written.pop(client, None)
