"""Where the demo keeps what its jobs found: one hash in Redis, the application's own, with a time to live.

Each job writes a field of its own, so that writing it twice changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from shiftboss.client import Shiftboss
from shiftboss.scripts import command

PAGE = 1_000
LIFETIME = 3_600
OUTCOME = "outcome"


class Results:
    """The results of one batch.

    Args:
        client: Whose Redis.
        bid: The batch.
    """

    def __init__(self, client: Shiftboss, bid: str) -> None:
        self._store = client.store
        self._key = f"shiftboss-demo:{bid}"

    def put(self, fields: Mapping[str, Any]) -> None:
        """Write values by their names. One round trip."""
        words = [word for name, value in fields.items() for word in (name, json.dumps(value))]
        write, keep = command("HSET", [self._key], words, int), command("EXPIRE", [self._key], [LIFETIME], int)
        self._store.run_many([write, keep])

    def get(self, names: Sequence[str]) -> list[Any]:
        """Values by their names; None for those that are not there. One round trip."""
        values = self._store.run(command("HMGET", [self._key], names, list))
        return [None if value is None else json.loads(value) for value in values]

    def numbered(self, kind: str) -> Iterator[Any]:
        """The values called ``kind:0``, ``kind:1`` and so on up to the first that is missing, read in pages."""
        start = 0
        while True:
            page = self.get([f"{kind}:{number}" for number in range(start, start + PAGE)])
            for value in page:
                if value is None:
                    return
                yield value
            start += PAGE

    def forget(self) -> None:
        """Delete all of it."""
        self._store.run(command("UNLINK", [self._key], [], int))
