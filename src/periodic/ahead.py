"""`Ahead`: entries read once, and the ticks after the next worked out before they are needed.

To find a cron entry's next instant takes a tenth of a millisecond or more. Thousands of entries that are due at once would wait
for one another; the leader has nothing to do before that, and works their next instants out then.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping

from .entry import Entry


class Ahead:
    """What a leader knows of the entries of its schedule."""

    def __init__(self) -> None:
        self._entries: dict[str, tuple[str, Entry]] = {}
        self._waiting: deque[tuple[Entry, int]] = deque()

    @property
    def behind(self) -> bool:
        """Whether there is something to work out."""
        return bool(self._waiting)

    def entry(self, name: str, definition: str) -> Entry:
        """An entry as it is written in Redis."""
        known = self._entries.get(name)
        if known is None or known[0] != definition:
            known = self._entries[name] = definition, Entry.from_json(definition)
        return known[1]

    def load(self, definitions: Mapping[str, str], scores: Mapping[str, int], schedule: str) -> None:
        """Begin anew, with all entries and where they stand."""
        self._entries = {name: known for name, known in self._entries.items() if name in definitions}
        entries = [(self.entry(name, text), scores.get(name)) for name, text in definitions.items()]
        self._waiting = deque((entry, at - entry.delay(schedule)) for entry, at in entries if at is not None)

    def expect(self, entry: Entry, planned: int) -> None:
        """The entry will fire at that instant."""
        if entry.cron:
            self._waiting.append((entry, planned))

    def work(self, seconds: float) -> None:
        """Work out what comes after the instants that are expected, for about so long."""
        until = time.monotonic() + seconds
        while self._waiting and time.monotonic() < until:
            entry, planned = self._waiting.popleft()
            entry.after(planned)
