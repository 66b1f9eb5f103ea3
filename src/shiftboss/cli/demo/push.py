"""Defining the demo's batch, and pushing a job for each file."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from shiftboss.batches import Batch
from shiftboss.cli.demo.jobs import QUEUE, Manifest, hash_file
from shiftboss.cli.demo.names import described, quoted, shown
from shiftboss.cli.demo.results import Results
from shiftboss.cli.demo.walk import FILE, Found, walk
from shiftboss.cli.output import console
from shiftboss.client import Shiftboss

AUTOFLUSH = 1_000
HOUR = 3_600


def push(client: Shiftboss, root: Path, place: Path) -> Batch:
    """Push a job for each file below the root, and write down what is left out.

    Args:
        client: Whose Redis.
        root: The directory.
        place: Where the callback is to write the manifest.
    """
    where, out = quoted(os.fsencode(root)), console()
    about = f"SHA-256 of {shown(os.fsencode(root.name))[:24]}"
    batch = Batch(
        description=about, tags=["demo"], callback_queue=QUEUE, expires_in=24 * HOUR, linger=HOUR, client=client
    )
    batch.on("success", Manifest, {"root": where, "output": quoted(os.fsencode(place))})
    notes = _Notes(Results(client, batch.bid))
    files = 0
    with out.status("reading directories") if out.is_terminal else nullcontext(), batch.jobs(autoflush=AUTOFLUSH):
        for found in walk(os.fsencode(root)):
            if found.kind == FILE and not found.reason:
                hash_file.perform_async(batch.bid, files, where, quoted(found.path))
                files += 1
            else:
                notes.add(found)
        notes.write()  # before the block ends: the callback reads them
    return batch


class _Notes:
    """What is left out, written page by page."""

    def __init__(self, results: Results) -> None:
        self._results = results
        self._page: dict[str, Any] = {}
        self._count = 0

    def add(self, found: Found) -> None:
        fact = described("path", found.path) | {"kind": found.kind, "reason": found.reason}
        fact |= described("target", found.target) if found.target is not None else {}
        self._page[f"left_out:{self._count}"] = fact
        self._count += 1
        if len(self._page) >= AUTOFLUSH:
            self.write()

    def write(self) -> None:
        if self._page:
            self._results.put(self._page)
            self._page = {}
