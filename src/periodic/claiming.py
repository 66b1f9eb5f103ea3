"""Deciding what becomes of due entries: pure, from what is due, the entries, and the clock. And the claim that says so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice, takewhile

import msgspec

from .entry import Entry, tick_id

# Milliseconds by which a tick may come late and still be on time: a new leader needs a lease to be found.
ON_TIME = 30_000
# Ticks of one entry that are caught up at once, and skipped ones that are written down each.
MOST_TICKS = 500
MOST_LINES = 10


@dataclass(frozen=True, slots=True)
class Move:
    """One step of an entry, from a tick to the next.

    Args:
        entry: Whose.
        planned: The instant that the tick was planned for; epoch milliseconds.
        start: Where the entry stands: that, put off by its jitter.
        end: Where it stands afterwards.
        outcome: ``enqueued``, ``caught up``, ``too old``, or empty where nobody is told: a tick of one that rests.
    """

    entry: Entry
    planned: int
    start: int
    end: int
    outcome: str

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
    ticks = _due_ticks(entry, at - delay, now - delay)
    outcomes = [""] * len(ticks) if paused else _outcomes(entry, ticks, now - delay)
    # What is left of very many comes with the next look.
    last = ticks[-1] if len(ticks) > MOST_TICKS else max(ticks[-1], now - delay)
    ends = [*(tick + delay for tick in ticks[1:]), entry.after(last) + delay]
    return [
        Move(entry, tick, tick + delay, end, outcome) for tick, end, outcome in zip(ticks, ends, outcomes, strict=True)
    ]


def _due_ticks(entry: Entry, first: int, now: int) -> list[int]:
    """The first tick, and those until now that are not too old; of very many the oldest of these."""
    young = max(first, now - max(entry.window(first), ON_TIME) - 1)
    later = takewhile(lambda tick: tick <= now, entry.following(young))
    return [first, *islice(later, MOST_TICKS)]


def _outcomes(entry: Entry, ticks: Sequence[int], now: int) -> list[str]:
    newest = ticks[-1]
    outcomes = []
    for tick in ticks:
        late = now - tick
        if tick == newest and late <= ON_TIME and len(ticks) == 1:
            outcomes.append("enqueued")
        elif entry.catch_up == "all" and late <= entry.window(tick):
            outcomes.append("caught up" if late > ON_TIME or tick != newest else "enqueued")
        elif tick == newest and (late <= ON_TIME or (entry.catch_up == "one" and late <= entry.window(tick))):
            outcomes.append("enqueued" if late <= ON_TIME else "caught up")
        else:
            outcomes.append("too old")
    told = 0
    for n in range(len(outcomes) - 1, -1, -1):
        if outcomes[n] == "too old":
            told += 1
            if told > MOST_LINES:
                outcomes[n] = ""
    return outcomes


def jid_of(schedule: str, move: Move) -> str:
    """The id of the job that a tick becomes; empty if it becomes none."""
    return tick_id(schedule, move.entry.name, move.planned) if move.fires else ""
