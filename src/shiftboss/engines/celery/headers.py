"""What travels with a task beside its arguments: its place in a batch, and what features want to remember of it.

They are message headers, which Celery carries through retries, redeliveries and countdowns.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shiftboss.jobs import CallbackOf, Member

PLACE = "sbm"
OPTIONS = "sbo"


def place_header(batch: Member | CallbackOf) -> list[str | int]:
    """A place as the header has it."""
    if isinstance(batch, Member):
        return [batch.bid, batch.position]
    return [batch.bid, batch.event, batch.index]


def place_of(headers: Mapping[str, Any] | None) -> Member | CallbackOf | None:
    """The place that headers tell of. What is no place is none: headers come from anywhere."""
    match (headers or {}).get(PLACE):
        case [str(bid), int(position)]:
            return Member(bid, position)
        case [str(bid), str(event), int(index)]:
            return CallbackOf(bid, event, index)
    return None


def options_of(headers: Mapping[str, Any] | None) -> Mapping[str, Any]:
    """What features remember of the task."""
    options = (headers or {}).get(OPTIONS)
    return options if isinstance(options, dict) else {}
