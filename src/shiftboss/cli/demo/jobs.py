"""The demo's job and callback, as its worker processes load them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from shiftboss import current_client, job, limiters
from shiftboss.batches import Status
from shiftboss.cli.demo import manifest
from shiftboss.cli.demo.hashing import hash_of
from shiftboss.cli.demo.names import described, joined, unquoted
from shiftboss.cli.demo.results import OUTCOME, Results
from shiftboss.cli.demo.walk import FILE

QUEUE = "shiftboss-demo"
AT_ONCE = 4
# Files that are read at once, in all worker processes together. A job that waits longer than that comes again later.
reading = limiters.concurrent(QUEUE, AT_ONCE, wait_timeout=30, lock_timeout=60)


@job(queue=QUEUE, retry=5)
def hash_file(bid: str, number: int, root: str, path: str) -> None:
    """Hash one file and write down what came of it.

    Args:
        bid: The batch whose results it belongs to.
        number: Its place among them.
        root: The directory, quoted.
        path: The file in it, quoted.
    """
    name = unquoted(path)
    fact: dict[str, Any] = described("path", name)
    try:
        with reading.within_limit():
            size, sha256 = hash_of(joined(unquoted(root), name))
    except OSError as error:
        fact |= {"kind": FILE, "reason": error.strerror or str(error)}
    else:
        fact |= {"size": size, "sha256": sha256}
    Results(current_client(), bid).put({f"file:{number}": fact})


class Manifest:
    """The batch's callback: writes the manifest once all files are hashed."""

    def on_success(self, status: Status, options: dict[str, str]) -> None:
        results = Results(current_client(), status.bid)
        try:
            outcome = self._write(results, status.total, options)
        except Exception as error:  # noqa: BLE001  the demo waits for an outcome, of whatever kind
            outcome = {"error": f"{type(error).__name__}: {error}"}
        results.put({OUTCOME: outcome})

    def _write(self, results: Results, total: int, options: dict[str, str]) -> dict[str, Any]:
        place = Path(os.fsdecode(unquoted(options["output"])))
        root = described("root", unquoted(options["root"]))
        totals = manifest.write(place, root, results.numbered("file"), results.numbered("left_out"))
        known = totals["files"] + totals["left_out"].get(FILE, 0)
        if known < total:
            raise RuntimeError(f"the results of {total - known} of {total} files are gone")
        return totals
