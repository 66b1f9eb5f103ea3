"""Limiters: how much of something may be done, across processes."""

from shiftboss.errors import OverLimit

from .calls import LimiterState
from .concurrent import ConcurrentLimiter, concurrent
from .grant import Grant

__all__ = ["ConcurrentLimiter", "Grant", "LimiterState", "OverLimit", "concurrent"]
