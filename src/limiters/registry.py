"""The list of limiters: each process writes down each that it uses, once and then once a day."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import msgspec

from shiftboss import keys
from shiftboss.errors import ConfigError
from shiftboss.plan import Plan, run

from . import calls

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss

    from .base import Limiter

DAY = 86400.0
YEAR_MS = 365 * 86_400_000
PAGE = 500
# Of so many names one process remembers at most that it has written them down.
MOST = 100_000

_written: WeakKeyDictionary[Shiftboss, dict[str, tuple[float, str]]] = WeakKeyDictionary()


@dataclass(frozen=True, slots=True)
class Listed:
    """A limiter as the list has it.

    Args:
        name: Its name.
        kind: concurrent, bucket, window, leaky or points.
        seen: When a process last said that it uses it, epoch seconds.
        definition: What it said of it.
    """

    name: str
    kind: str
    seen: float
    definition: dict[str, Any]


def register(limiter: Limiter, client: Shiftboss) -> Plan[None]:
    """Write a limiter down, unless this process has lately. One round trip the first time, then none.

    Raises:
        ConfigError: The name stands for a limiter of another kind.
    """
    written = _written.get(client)
    if written is None:
        written = _written[client] = {}
    last = written.get(limiter.name)
    if last is not None and last[1] == limiter.kind and time.monotonic() - last[0] < DAY:
        return
    text = msgspec.json.encode(limiter.definition()).decode()
    kind = yield from run(calls.register(keys.limiters(client.namespace), limiter.name, limiter.kind, text, YEAR_MS))
    if kind != limiter.kind:
        raise ConfigError(
            f"the name {limiter.name!r} stands for a {kind} limiter already; give this {limiter.kind} limiter another, or "
            f"remove that one: shiftboss limiters rm {limiter.name}"
        )
    if len(written) >= MOST:
        written.clear()
    written[limiter.name] = time.monotonic(), limiter.kind
