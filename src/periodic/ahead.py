"""`Ahead`: entries read once, and the ticks after the next worked out before they are needed.

An entry that this process cannot fire, for its release or its host does not know something of it, is set aside: it keeps its
place, for one who can, and holds nobody up.

To find a cron entry's next instant takes a tenth of a millisecond or more. Thousands of entries that are due at once would wait
for one another; the leader has nothing to do before that, and works their next instants out then.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from typing import get_args

from shiftboss.errors import ScheduleError

from .calls import DueEntry
from .claiming import Move, moves_of
from .entry import CatchUp, Entry, Overlap

log = logging.getLogger("shiftboss.periodic")


class Ahead:
    """What a leader knows of the entries of its schedule."""

    def __init__(self, schedule: str) -> None:
        self._schedule = schedule
        self._entries: dict[str, tuple[str, Entry | None]] = {}
        self._waiting: deque[tuple[Entry, int]] = deque()

    @property
    def behind(self) -> bool:
        """Whether there is something to work out."""
        return bool(self._waiting)

    def entry(self, name: str, definition: str) -> Entry | None:
        """An entry as it is written in Redis; None for one that is set aside."""
        known = self._entries.get(name)
        if known is None or known[0] != definition:
            try:
                known = self._entries[name] = definition, _read(definition)
            except Exception as error:  # noqa: BLE001  one entry is not to stop the others
                known = self._set_aside(name, definition, error)
        return known[1]

    def moves(self, due: DueEntry, now: int) -> list[Move]:
        """The steps that bring an entry past now; none for one that is set aside."""
        entry = self.entry(due.name, due.definition)
        if entry is None:
            return []
        try:
            return moves_of(self._schedule, entry, due.at, due.paused, now)
        except Exception as error:  # noqa: BLE001  as above
            self._set_aside(due.name, due.definition, error)
            return []

    def load(self, definitions: Mapping[str, str], scores: Mapping[str, int]) -> None:
        """Begin anew, with all entries and where they stand."""
        self._entries = {name: known for name, known in self._entries.items() if name in definitions}
        entries = [(self.entry(name, text), scores.get(name)) for name, text in definitions.items()]
        self._waiting = deque(
            (entry, at - entry.delay(self._schedule)) for entry, at in entries if entry is not None and at is not None
        )

    def expect(self, entry: Entry, planned: int) -> None:
        """The entry will fire at that instant."""
        if entry.cron:
            self._waiting.append((entry, planned))

    def work(self, seconds: float) -> None:
        """Work out what comes after the instants that are expected, for about so long."""
        until = time.monotonic() + seconds
        while self._waiting and time.monotonic() < until:
            entry, planned = self._waiting.popleft()
            # What cannot be worked out is set aside when it is due.
            with suppress(Exception):
                entry.after(planned)

    def _set_aside(self, name: str, definition: str, error: Exception) -> tuple[str, None]:
        log.error(
            "schedule %r: entry %r is not fired by this process, which does not understand it; the others are: %s: %s",
            self._schedule, name, type(error).__name__, error,
        )  # fmt: skip
        self._entries[name] = definition, None
        return definition, None


def _read(definition: str) -> Entry:
    entry = Entry.from_json(definition)
    for what, known in (("catch_up", get_args(CatchUp)), ("overlap", get_args(Overlap))):
        value = getattr(entry, what)
        if value not in known:
            raise ScheduleError(
                f"expected {what} to be {' or '.join(known)}, got {value!r}, of a newer release perhaps"
            )
    return entry
