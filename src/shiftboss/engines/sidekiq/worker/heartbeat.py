"""Showing that this process is alive and what it runs, where Sidekiq's dashboard and the rescuers look."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from shiftboss.engines.sidekiq.hooks import on_heartbeat
from shiftboss.engines.sidekiq.worker import calls
from shiftboss.engines.sidekiq.worker.hold import Hold, Run
from shiftboss.engines.sidekiq.worker.measuring import Measures, telling
from shiftboss.engines.sidekiq.worker.outage import AWAY, Outage
from shiftboss.engines.sidekiq.worker.queues import Queues
from shiftboss.engines.sidekiq.worker.rounds import Rounds

if TYPE_CHECKING:
    from shiftboss.keys import SidekiqKeys
    from shiftboss.store import Store

EVERY = 10.0
TTL = 60


@dataclass(frozen=True, slots=True)
class Facts:
    """What does not change while a process lives."""

    identity: str
    concurrency: int
    queues: Queues

    def to_json(self) -> bytes:
        """As Sidekiq keeps it."""
        weights = dict(zip(self.queues.names, self.queues.weights or (0,) * len(self.queues.names), strict=True))
        info = {
            "hostname": socket.gethostname(),
            "started_at": time.time(),
            "pid": os.getpid(),
            "tag": "shiftboss",
            "concurrency": self.concurrency,
            "queues": list(self.queues.names),
            "weights": [weights],
            "labels": ["python"],
            "identity": self.identity,
            "version": version("shiftboss"),
            "embedded": False,
        }
        return msgspec.json.encode(info)


class Heartbeat(Rounds):
    """Beats every 10 seconds; a process that has not for 60 counts as dead. It also brings the dashboard's signals.

    Args:
        store: Where it beats.
        keys: The protocol's names.
        facts: What does not change.
        hold: What runs now.
        measures: What was measured of runs since the last beat.
        heed: Is given the name of a signal that somebody left for this process.
        outage: Is told when Redis is away and when it is back.
    """

    jitter = 0.1

    def __init__(
        self,
        store: Store,
        keys: SidekiqKeys,
        facts: Facts,
        hold: Hold,
        measures: Measures,
        heed: Callable[[str], None],
        outage: Outage,
    ) -> None:
        super().__init__("shiftboss-heartbeat", outage)
        self.quiet = False
        self.processes = 1
        self._store = store
        self._keys = keys
        self._facts = facts
        self._info = facts.to_json()
        self._hold = hold
        self._measures = measures
        self._heed = heed
        self._rtt_us = 0

    def interval(self) -> float:
        return EVERY

    def round(self) -> None:
        """Beat once, and heed what was left for this process."""
        if self.stopping:
            return
        self.beat()
        on_heartbeat.fire()
        signal = self._store.run(calls.signalled(self._keys, self._facts.identity))
        if signal is not None:
            self._heed(signal)
        self.tell_measures()

    def beat(self) -> None:
        """Show what this process is and runs."""
        running = self._hold.running()
        began = time.perf_counter()
        self.processes = self._store.run(
            calls.beat(
                self._keys,
                self._facts.identity,
                TTL,
                self._info,
                self._facts.concurrency,
                len(running),
                self.quiet,
                _memory_kb(),
                self._rtt_us,
                [part for run in running for part in _shown(run)],
            )
        )
        self._rtt_us = round((time.perf_counter() - began) * 1_000_000)

    def tell_measures(self) -> None:
        """Add what was measured to what Redis knows. What is lost on the way is not told again: it would count twice."""
        rows = self._measures.take()
        if not rows:
            return
        # A server that is full refuses this alone: neither the beat nor a farewell is to suffer for it.
        with suppress(*AWAY):
            self._store.run(telling(self._keys, datetime.now(UTC), rows))


def _shown(run: Run) -> tuple[str, bytes]:
    began = time.time() - (time.monotonic() - run.since)
    work = {"queue": run.queue, "payload": run.raw.decode("utf-8", "replace"), "run_at": int(began)}
    return f"{run.number:x}", msgspec.json.encode(work)


def _memory_kb() -> int:
    try:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") // 1024
    except (OSError, ValueError, IndexError, AttributeError):
        return 0
