"""What has been counted of a limiter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

# In the order in which they are written. Times are in microseconds there.
FIELDS = ("admitted", "immediate", "waited", "wait_seconds", "held_seconds", "over_limit", "overages")
ADMITTED, IMMEDIATE, WAITED, WAIT, HELD, OVER_LIMIT, OVERAGES = range(len(FIELDS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What was counted of a limiter, in all processes.

    Args:
        admitted: Times it admitted somebody: `immediate` and `waited` together.
        immediate: Of these, without a wait.
        waited: Of these, after a wait.
        wait_seconds: How long they waited, together.
        held_seconds: How long slots were held, together; of a concurrent limiter.
        over_limit: Times it refused.
        overages: Slots whose lease had ended when they were given back: `lock_timeout` was too short for the block.
    """

    admitted: int = 0
    immediate: int = 0
    waited: int = 0
    wait_seconds: float = 0.0
    held_seconds: float = 0.0
    over_limit: int = 0
    overages: int = 0

    @classmethod
    def read(cls, numbers: Sequence[int], **more: Any) -> Self:
        """From numbers as they are written."""
        values: dict[str, Any] = dict(zip(FIELDS, numbers, strict=False))
        for name in ("wait_seconds", "held_seconds"):
            values[name] = values.get(name, 0) / 1e6
        return cls(**values, **more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals(Counters):
    """All that was counted while the limiter was remembered.

    Args:
        reclaimed: Slots that were taken from holders that had died, or outlived their lease.
    """

    reclaimed: int = 0

    @classmethod
    def of(cls, sums: Mapping[bytes, bytes], reclaimed: int) -> Self:
        """From the hash of sums."""
        return cls.read([int(sums.get(str(n).encode(), 0)) for n in range(1, len(FIELDS) + 1)], reclaimed=reclaimed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Minute(Counters):
    """What was counted in one minute.

    Args:
        at: When it began.
    """

    at: datetime

    @classmethod
    def of(cls, text: bytes) -> Self:
        """From the text of a minute."""
        minute, *numbers = map(int, text.split(b":"))
        return cls.read(numbers, at=datetime.fromtimestamp(minute * 60, UTC))
