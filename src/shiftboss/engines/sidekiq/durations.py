"""Histograms of how long jobs run, as Sidekiq keeps them: 26 numbers of 16 bits, for durations up to so many milliseconds."""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence

ENDS = (
    *(20, 30, 45, 65, 100, 150, 225, 335, 500, 750),
    *(1_100, 1_700, 2_500, 3_800, 5_750, 8_500, 13_000, 20_000, 30_000, 45_000),
    *(65_000, 100_000, 150_000, 225_000, 335_000),
)
BUCKETS = len(ENDS) + 1


def unpack(stored: bytes | None) -> list[int]:
    """The numbers of one histogram; what is not stored is 0."""
    return list(struct.unpack(f">{BUCKETS}H", (stored or b"")[: 2 * BUCKETS].ljust(2 * BUCKETS, b"\0")))


def quantile(buckets: Sequence[int], part: float) -> float:
    """The seconds within which so large a part of the runs ended, surely: where the bucket ends in which the last of them is.

    The last bucket has no end: infinity. Of no runs: 0.

    Example:
        >>> quantile([10, 0, 10, *[0] * 23], 0.5), quantile([10, 0, 10, *[0] * 23], 0.95)
        (0.02, 0.045)
    """
    wanted, seen = part * sum(buckets), 0
    for runs, end in zip(buckets, (*ENDS, math.inf), strict=True):
        seen += runs
        if runs and seen >= wanted:
            return end / 1000
    return 0.0
