"""Limiters in words, for people."""

from __future__ import annotations

from .base import Limiter

PERIODS = {1: "a second", 60: "a minute", 3600: "an hour", 86400: "a day"}


def limit_in_words(limiter: Limiter) -> str:
    """What it admits, in words."""
    said = limiter.definition()
    if "lock_timeout" in said:
        return f"{limiter.size:,} at once, for {said['lock_timeout']:g} s each"
    if "interval" in said:
        interval = said["interval"]
        return f"{limiter.size:,} {PERIODS.get(interval, f'in {interval:g} s')}"
    return f"{limiter.size:,}, one back in {said['unit']:g} s"
