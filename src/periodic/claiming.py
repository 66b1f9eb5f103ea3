"""Deciding what becomes of due entries: pure, from what is due, the entries, and the clock. And the claim that says so."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, takewhile

import msgspec

from .entry import Entry, tick_id

# Milliseconds by which a tick may come late and still be on time: a new leader needs a lease to be found.
ON_TIME = 30_000
# Ticks of one entry that are caught up at once. To find them takes a moment; many more would take as long as a lease.
MOST_TICKS = 100


@dataclass(frozen=True, slots=True)
class Move:
    """One step of an entry, from a tick to the next.

    Args:
        entry: Whose.
        planned: The instant that the tick was planned for; epoch milliseconds.
        start: Where the entry stands: that, put off by its jitter.
        end: Where it stands afterwards.
        outcome: ``enqueued``, ``caught up``, ``too old``, or empty where nobody is told: a tick of one that rests.
        missed: How many ticks it stands for that are too old.
    """

    entry: Entry
    planned: int
    start: int
    end: int
    outcome: str
    missed: int = 0

    @property
    def fires(self) -> bool:
        """Whether the tick is enqueued."""
        return self.outcome in {"enqueued", "caught up"}

    def line(self, jid: str, term: int, now: int) -> str:
        """What its history says, without the end: the script adds the outcome and the time."""
        if not self.outcome:
            return ""
        late = max(0, now - self.start)
        said = {"planned": self.planned, "lateness": late, "jid": jid if self.fires else "", "term": term}
        if self.missed:
            said["missed"] = self.missed
        return msgspec.json.encode(said).decode()[:-1]

    def running_limit(self) -> int:
        """For how many milliseconds the job before may still run; negative where this tick is kept until it ends."""
        return {"allow": 0, "skip": self.entry.timeout, "queue_one": -self.entry.timeout}[self.entry.overlap]


def moves_of(schedule: str, entry: Entry, at: int, paused: bool, now: int) -> list[Move]:
    """The steps that bring an entry past now.

    Args:
        schedule: Its schedule's name.
        entry: The entry.
        at: Where it stands: its next tick, put off by its jitter; epoch milliseconds.
        paused: Whether it rests.
        now: The server's clock; epoch milliseconds.
    """
    delay = entry.delay(schedule)
    first, now = at - delay, now - delay
    if paused:
        steps = [(first, "")]
    elif entry.catch_up == "all":
        steps = _all(entry, first, now)
    else:
        steps = _newest(entry, first, now)
    ends = [planned for planned, _ in steps[1:]]
    # What is left of very many comes with the next look.
    ends.append(entry.after(steps[-1][0] if len(steps) > MOST_TICKS else max(steps[-1][0], now)))
    return [
        Move(
            entry, planned, planned + delay, end + delay, outcome,
            entry.count(planned, end) if outcome == "too old" else 0,
        )
        for (planned, outcome), end in zip(steps, ends, strict=True)
    ]  # fmt: skip


def _newest(entry: Entry, first: int, now: int) -> list[tuple[int, str]]:
    """One tick counts, the newest; those before are too old."""
    newest = entry.newest(first, now)
    late = now - newest
    if late <= ON_TIME:
        outcome = "enqueued"
    elif entry.catch_up == "one" and late <= entry.window(newest):
        outcome = "caught up"
    else:
        return [(first, "too old")]
    return [(newest, outcome)] if newest == first else [(first, "too old"), (newest, outcome)]


def _all(entry: Entry, first: int, now: int) -> list[tuple[int, str]]:
    """All ticks count that are not too old; of very many the oldest of these."""
    young = max(first, now - max(entry.window(first), ON_TIME) - 1)
    later = islice(takewhile(lambda tick: tick <= now, entry.following(young)), MOST_TICKS)
    steps = [(tick, "enqueued" if now - tick <= ON_TIME else "caught up") for tick in (first, *later)]
    if now - first > max(entry.window(first), ON_TIME):
        steps[0] = (first, "too old")
    return steps


def jid_of(schedule: str, move: Move) -> str:
    """The id of the job that a tick becomes; empty if it becomes none."""
    return tick_id(schedule, move.entry.name, move.planned) if move.fires else ""
