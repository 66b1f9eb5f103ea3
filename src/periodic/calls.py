"""The operations of periodic jobs, one function per file in ``lua/periodic``. They return calls and do no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from shiftboss.keys import PeriodicKeys
from shiftboss.scripts import Call, script


@dataclass(frozen=True, slots=True)
class Election:
    """What Redis said to one that offered to lead.

    Args:
        term: The term under which it leads, or 0.
        left: Milliseconds of the leader's lease, whoever that is.
        now: The server's milliseconds.
    """

    term: int
    left: int
    now: int


def elect(keys: PeriodicKeys, owner: str, lease: int) -> Call[Election]:
    """Become the leader if there is none, or stay it, for so many milliseconds."""
    return script("periodic/elect").call(lambda reply: Election(*reply), [keys.leader, keys.term], [owner, lease])


def resign(keys: PeriodicKeys, owner: str, term: int) -> Call[bool]:
    """Give the lead up and tell those that wait; whether it was held."""
    return script("periodic/resign").call(bool, [keys.leader, keys.channel], [owner, term])
