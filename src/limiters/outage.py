"""Telling that Redis could not be asked and a limiter decided without it, as its `on_outage` says: nobody would notice."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING

from shiftboss import events

if TYPE_CHECKING:
    from .base import Limiter

log = logging.getLogger("shiftboss.limiters")
# Seconds between two lines in the log of a process: an outage concerns every caller.
EVERY = 1.0
_logged = -EVERY


def tell(limiter: Limiter, error: Exception) -> None:
    """Say that it decides without Redis, and why."""
    global _logged
    answer = "allowed" if limiter.on_outage == "allow" else "denied"
    events.emit("limiter.outage", limiter=limiter.name, kind=limiter.kind, answer=answer, error=type(error).__name__)
    now = time.monotonic()
    if now - _logged >= EVERY:
        _logged = now
        log.warning("limiter %r: %s, because Redis could not be asked: %s", limiter.name, answer, error)
