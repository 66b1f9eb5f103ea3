"""A limiter at one moment, and what one said when it was asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class LimiterState:
    """A limiter at one moment.

    Args:
        used: Units or slots that are taken.
        remaining: Those that are free.
        waiting: Attempts that wait: in the queue of a concurrent limiter; else units that are reserved.
        reset_after: Seconds until something comes free, or all has if that comes bit by bit; None if nothing is taken.
    """

    used: int
    remaining: int
    waiting: int
    reset_after: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script said: seconds to wait for what was taken, or minus those after which to ask again; and what it takes to
    give it back.
    """

    seconds: float
    mark: Any = None
