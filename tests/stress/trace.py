"""Reading what jobs told: who held a slot when, and what the callback did.

A slot is held from ``enter`` to ``leave``, but no longer than its lease, of which the holder tells the end. One whose process was killed is held until its
lease ends, as the server has it; the tickets that a dead process left behind are read right after its death.
"""

from __future__ import annotations

import re
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# A ticket is process.number.milliseconds, a process host-pid-chance.
TICKET = re.compile(r"-(\d+)-[0-9a-f]+\.\d+\.\d+$")
# By how much two clocks of one machine may drift apart in the seconds of a lease.
SLACK = 50_000_000


@dataclass
class Trace:
    """What was told, and what was seen of those who could not tell any more."""

    path: Path
    deaths: dict[int, int] = field(default_factory=dict)
    legacies: list[tuple[int, int]] = field(default_factory=list)

    def lines(self) -> list[list[str]]:
        return [line.split() for line in self.path.read_text().splitlines()] if self.path.exists() else []

    def count(self, what: str) -> int:
        return sum(line[0] == what for line in self.lines())

    def bury(self, pid: int, raw: Any, leases: str) -> int:
        """Note that a process is dead now, and until when its slots are held; how many those are."""
        now = self.deaths[pid] = time.monotonic_ns()
        epoch = time.time_ns()
        found = 0
        for ticket, ends in raw.zrange(leases, 0, -1, withscores=True):
            match = TICKET.search(ticket)
            assert match, ticket
            if int(match[1]) == pid:
                self.legacies.append((now, now + int(ends) * 1_000_000 - epoch - SLACK))
                found += 1
        return found

    def held(self) -> list[tuple[int, int]]:
        """From when to when slots were held."""
        spans = list(self.legacies)
        entered: dict[str, tuple[int, int, int]] = {}
        for what, at, pid, *facts in self.lines():
            if what == "enter":
                entered[facts[0]] = (int(at), int(facts[1]), int(pid))
            elif what == "leave":
                start, lease_ends, _ = entered.pop(facts[0])
                spans.append((start, min(int(at), lease_ends)))
        for start, lease_ends, pid in entered.values():
            assert pid in self.deaths, f"process {pid} lives and has not left"
            spans.append((start, min(self.deaths[pid], lease_ends)))
        return [(start, end) for start, end in spans if start < end]

    def most_at_once(self) -> int:
        """How many slots were held at one instant, at most."""
        most = now = 0
        for _, change in sorted((at, change) for start, end in self.held() for at, change in ((start, 1), (end, -1))):
            now += change
            most = max(most, now)
        return most

    def overruns(self) -> int:
        """How many outlived their lease."""
        lines = self.lines()
        leases = {line[3]: int(line[4]) for line in lines if line[0] == "enter"}
        return sum(int(line[1]) > leases[line[3]] for line in lines if line[0] == "leave")

    def runs(self) -> Counter[int]:
        """How often each file's job got in."""
        return Counter(int(line[5]) for line in self.lines() if line[0] == "enter")
