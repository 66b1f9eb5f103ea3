"""What a schedule tells of itself: an entry as it is now, a line of its history, the leader."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any, Self

import msgspec

from .entry import Entry


@dataclass(frozen=True, slots=True)
class EntryStatus:
    """An entry as it is now.

    Args:
        entry: What is said of it.
        next_at: When its next tick is planned, put off by its jitter; None for one that does not fire.
        paused: Whether it rests.
    """

    entry: Entry
    next_at: datetime | None
    paused: bool

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        said = asdict(self.entry)
        return {**said, "next_at": self.next_at.isoformat() if self.next_at else None, "paused": self.paused}


@dataclass(frozen=True, slots=True)
class Run:
    """One line of an entry's history.

    Args:
        planned: The instant it was planned for; None if it was run out of turn.
        at: When it was decided.
        lateness: Seconds between the two.
        outcome: ``enqueued``, ``caught up``, ``skipped`` or ``queued`` (the job before was running), ``too old``, ``run now``.
        jid: The id of its job; empty if there is none.
        term: The leader's term.
        ended: How the job has ended, where the engine tells: ``succeeded`` or ``died``.
        ended_at: When.
        missed: How many ticks a line ``too old`` stands for.
    """

    planned: datetime | None
    at: datetime
    lateness: float
    outcome: str
    jid: str
    term: int
    ended: str = ""
    ended_at: datetime | None = None
    missed: int = 0

    @classmethod
    def read(cls, text: str) -> Self:
        """A line as it is kept."""
        said = msgspec.json.decode(text)
        return cls(
            planned=None if said["planned"] is None else datetime.fromtimestamp(said["planned"] / 1000, UTC),
            at=datetime.fromtimestamp(said["at"] / 1000, UTC),
            lateness=said["lateness"] / 1000,
            outcome=said["outcome"],
            jid=said["jid"],
            term=said["term"],
            ended=said.get("ended", ""),
            ended_at=datetime.fromtimestamp(said["ended_at"] / 1000, UTC) if "ended_at" in said else None,
            missed=said.get("missed", 0),
        )

    @property
    def took(self) -> float | None:
        """Seconds from the decision to the end of the job."""
        return None if self.ended_at is None else (self.ended_at - self.at).total_seconds()

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values."""
        said = {**asdict(self), "took": self.took}
        return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in said.items()}


@dataclass(frozen=True, slots=True)
class Leader:
    """Who fires a schedule: what its connections are known by, and its term."""

    owner: str
    term: int
