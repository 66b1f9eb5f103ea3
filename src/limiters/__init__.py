"""Limiters: how much of something may be done, across processes."""

from shiftboss.errors import OverLimit

from .all_of import AllOf, all_of
from .base import Limiter
from .bucket import BucketLimiter, bucket
from .concurrent import ConcurrentLimiter, Holder, concurrent
from .counters import Minute, Totals
from .dripping import LeakyLimiter, PointsGrant, PointsLimiter, leaky, points
from .extension import errors
from .grant import Grant
from .limits import Limits
from .listing import aall, afind, all, aremove, find, remove  # noqa: A004  limiters.all()
from .state import LimiterState
from .timed import Permit
from .unlimited import UnlimitedLimiter, unlimited
from .window import WindowLimiter, window

__all__ = [
    "AllOf",
    "BucketLimiter",
    "ConcurrentLimiter",
    "Grant",
    "Holder",
    "LeakyLimiter",
    "Limiter",
    "LimiterState",
    "Limits",
    "Minute",
    "OverLimit",
    "Permit",
    "PointsGrant",
    "PointsLimiter",
    "Totals",
    "UnlimitedLimiter",
    "WindowLimiter",
    "aall",
    "afind",
    "all",
    "all_of",
    "aremove",
    "bucket",
    "concurrent",
    "errors",
    "find",
    "leaky",
    "points",
    "remove",
    "unlimited",
    "window",
]
