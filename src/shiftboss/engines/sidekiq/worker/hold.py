"""What a worker process has in hand: every job from the moment it was taken until its acknowledgement was answered."""

from __future__ import annotations

import itertools
import threading
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from shiftboss.jobs import Outcome

if TYPE_CHECKING:
    from shiftboss.engines.sidekiq.payload import Payload


@dataclass(eq=False, slots=True)
class Run:
    """One job in hand.

    Args:
        number: Its own in this process.
        queue: Where it was taken from.
        raw: Its payload as it was taken, which is how the in-flight list knows it.
        payload: The same, read; None if it cannot be.
    """

    number: int
    queue: str
    raw: bytes
    payload: Payload | None = None
    since: float = field(default_factory=time.monotonic)

    def put_back(self) -> bytes:
        """Its payload as it returns to its queue, from where it may not expire: it had begun."""
        return self.raw if self.payload is None else self.payload.put_back()


@dataclass(frozen=True, slots=True)
class Ended:
    """A run that is over, and what becomes of its job.

    Args:
        run: Which one.
        verb: As ``lua/lib/finish.lua`` knows them.
        outcome: What it means for a batch.
        keep: The payload to keep, for ``retry`` and ``dead``.
        delay: Seconds until it runs again, for ``retry``.
        error: What it raised.
        discarded: Whether it died because it is not wanted, not because it was given up.
        at: The monotonic second.
    """

    run: Run
    verb: str
    outcome: Outcome
    keep: bytes = b""
    delay: float = 0.0
    error: BaseException | None = None
    discarded: bool = False
    at: float = field(default_factory=time.monotonic)


class Hold:
    """The jobs in hand. A job occupies one of `size` slots until it has ended, and is held until it is settled."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._running: dict[int, Run] = {}
        self._ended: dict[int, Run] = {}
        self._numbers = itertools.count(1)
        self._changed = threading.Condition()

    @property
    def busy(self) -> int:
        """How many are running."""
        return len(self._running)

    @property
    def free(self) -> int:
        """How many more may run."""
        return max(0, self.size - len(self._running))

    @property
    def held(self) -> int:
        """How many are in hand, running or not."""
        with self._changed:
            return len(self._running) + len(self._ended)

    def take(self, jobs: Iterable[tuple[str, bytes]]) -> list[Run]:
        """Take jobs (queue and payload) in hand."""
        with self._changed:
            runs = [Run(next(self._numbers), queue, raw) for queue, raw in jobs]
            self._running.update((run.number, run) for run in runs)
        return runs

    def end(self, run: Run) -> bool:
        """Free the slot of a run; whether it was taken until now."""
        with self._changed:
            if self._running.pop(run.number, None) is None:
                return False
            self._ended[run.number] = run
            self._changed.notify_all()
            return True

    def settle(self, runs: Iterable[Run]) -> None:
        """Let go of runs whose acknowledgement was answered."""
        with self._changed:
            for run in runs:
                self._ended.pop(run.number, None)

    def running(self) -> list[Run]:
        """Those that have not ended, oldest first."""
        with self._changed:
            return list(self._running.values())

    def payloads(self) -> Counter[bytes]:
        """What the in-flight list should hold at most."""
        with self._changed:
            return Counter(run.raw for runs in (self._running, self._ended) for run in runs.values())

    def wait_idle(self, timeout: float) -> bool:
        """Wait until nothing runs; whether that came to pass in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._running, timeout)


def unknown(listed: list[bytes], known: Counter[bytes]) -> list[bytes]:
    """What is listed more often than known. `known` must have been read before the list was, for it only shrinks."""
    return list((Counter(listed) - known).elements())
