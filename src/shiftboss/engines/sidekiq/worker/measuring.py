"""How long jobs run, by their names: collected in this process, and told to Redis with its heartbeat."""

from __future__ import annotations

import threading
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shiftboss.engines.sidekiq.durations import ENDS
from shiftboss.engines.sidekiq.worker import calls
from shiftboss.jobs import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from shiftboss.engines.sidekiq.worker.hold import Ended
    from shiftboss.keys import SidekiqKeys
    from shiftboss.scripts import Arg, Call

# Names come from payloads too; beyond so many between two heartbeats they are counted together.
MOST = 500
OTHER = "(other)"
COUNTED = {Outcome.SUCCEEDED, Outcome.FAILED, Outcome.DIED}


@dataclass(slots=True)
class Row:
    """What was measured of one job's runs. How long failed runs took says little, and is left out."""

    runs: int = 0
    failed: int = 0
    ms: int = 0
    buckets: dict[int, int] = field(default_factory=dict)


class Measures:
    """What was measured since it was last taken. One thread measures, so that those that run jobs need not wait for each other."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rows: dict[str, Row] = {}

    def end(self, ended: Ended) -> None:
        """A run is over."""
        if ended.outcome not in COUNTED or ended.run.payload is None:
            return
        ms = round((ended.at - ended.run.since) * 1000)
        name = ended.run.payload.message.name
        with self._lock:
            if name not in self._rows and len(self._rows) >= MOST:
                name = OTHER
            row = self._rows.setdefault(name, Row())
            row.runs += 1
            if ended.outcome is not Outcome.SUCCEEDED:
                row.failed += 1
                return
            row.ms += ms
            bucket = bisect_left(ENDS, ms)
            row.buckets[bucket] = row.buckets.get(bucket, 0) + 1

    def take(self) -> dict[str, Row]:
        """What was measured, by name; it begins anew."""
        with self._lock:
            rows, self._rows = self._rows, {}
        return rows


def telling(keys: SidekiqKeys, at: datetime, rows: Mapping[str, Row]) -> Call[int]:
    """The call that adds what was measured, at about this time, to what Redis knows."""
    jobs: list[Arg] = []
    for name, row in rows.items():
        jobs += [name, row.runs, row.failed, row.ms, ",".join(f"{bucket}:{n}" for bucket, n in row.buckets.items())]
    return calls.measure(keys, at, list(rows), jobs)
