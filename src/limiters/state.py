"""A limiter at one moment, and what one said when it was asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any


@dataclass(frozen=True)
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

    def __post_init__(self) -> None:
        self.__dict__["_looked"] = datetime.now(UTC)

    @property
    def reset_at(self) -> datetime | None:
        """When `reset_after` is over, by this process's clock."""
        looked: datetime = self.__dict__["_looked"]
        return None if self.reset_after is None else looked + timedelta(seconds=self.reset_after)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a script said.

    Args:
        seconds: To wait for what was taken, or minus those after which to ask again.
        mark: What it takes to give back what was taken.
        refused: Where nothing was taken, how the limiter is used: what the script returns that looks at it.
    """

    seconds: float
    mark: Any = None
    refused: Sequence[int] = ()
