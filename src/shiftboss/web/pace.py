"""`Pace`: how many runs a second there were of late, from what looks at the counters have seen."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from itertools import pairwise
from time import monotonic

LOOKS = 60
# Seconds below which two looks are one, and after which the one before tells nothing of now.
LEAST, MOST = 1.0, 30.0


@dataclass(frozen=True, slots=True)
class Rate:
    """Runs a second between two looks, and how many seconds ago the second of them was."""

    ago: float
    processed: float
    failed: float


class Pace:
    """Remembers the last looks. It knows what somebody has looked at, and nothing else: nothing is stored for it."""

    def __init__(self) -> None:
        self._looks: deque[tuple[float, int, int]] = deque(maxlen=LOOKS + 1)

    def look(self, processed: int, failed: int) -> list[Rate]:
        """Note what the counters say, and tell the rates up to now, the newest last."""
        now, last = monotonic(), self._looks[-1] if self._looks else None
        if last is not None and (now - last[0] > MOST or processed < last[1] or failed < last[2]):
            self._looks.clear()
        if not self._looks or now - self._looks[-1][0] >= LEAST:
            self._looks.append((now, processed, failed))
        return [
            Rate(now - at, (ran - before) / (at - since), (broke - broken) / (at - since))
            for (since, before, broken), (at, ran, broke) in pairwise(self._looks)
        ]
