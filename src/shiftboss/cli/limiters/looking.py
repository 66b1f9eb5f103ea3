"""Limiters with their states, as the commands show them."""

from __future__ import annotations

from dataclasses import asdict
from itertools import islice
from typing import TYPE_CHECKING, Any

from shiftboss.cli.command import Failure
from shiftboss.text import span

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.limiters import Limiter, LimiterState

HEADINGS = ("LIMITER", "KIND", "USED", "SIZE", "WAITING", "FREE IN", "LIMIT")
RIGHT = ("USED", "SIZE", "WAITING", "FREE IN")


def find(client: Shiftboss, name: str) -> Limiter:
    """The limiter of a name.

    Raises:
        Failure: None is in use.
    """
    from shiftboss import limiters

    found = limiters.find(name, client=client)
    if found is None:
        raise Failure(
            f"no limiter {name!r} at {client.server.label}, namespace {client.namespace}; see shiftboss limiters ls"
        )
    return found


def look(client: Shiftboss, text: str, number: int) -> list[tuple[Limiter, LimiterState]]:
    """Limiters by name with their states."""
    from shiftboss import limiters

    found = sorted(limiters.all(text, client=client), key=lambda one: one.name)
    return [(one, one.peek()) for one in islice(found, number or None)]


def to_dict(limiter: Limiter, state: LimiterState) -> dict[str, Any]:
    """All of it as JSON values."""
    return {"name": limiter.name, "kind": limiter.kind, **limiter.definition(), "size": limiter.size, **asdict(state)}


def as_row(limiter: Limiter, state: LimiterState) -> list[str]:
    """One line of a table."""
    from shiftboss.limiters.wording import limit_in_words

    return [
        limiter.name,
        limiter.kind,
        f"{state.used:,}",
        f"{limiter.size:,}",
        f"{state.waiting:,}" if state.waiting else "",
        "" if state.reset_after is None else span(state.reset_after),
        limit_in_words(limiter),
    ]
