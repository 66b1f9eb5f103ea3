"""`Backoff`: pauses between tries, longer and longer."""

from __future__ import annotations

import random


class Backoff:
    """Pauses that double, from `first` to `most` seconds, each shortened by chance."""

    def __init__(self, first: float, most: float) -> None:
        self.first = first
        self.most = most
        self._next = first

    def next(self) -> float:
        """How long to pause now."""
        pause, self._next = self._next, min(self.most, self._next * 2)
        return pause * random.uniform(0.75, 1)

    def reset(self) -> None:
        """It went well: begin anew."""
        self._next = self.first
