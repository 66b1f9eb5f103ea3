"""`Entry`: one line of a schedule, checked. `Tick`: one of its instants, about to be enqueued."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from hashlib import sha256
from typing import Any, Literal, Self

import msgspec

from .counting import count_between
from .cron import Cron, next_instant, read

CatchUp = Literal["none", "one", "all"]
Overlap = Literal["allow", "skip", "queue_one"]
Source = Literal["file", "code", "runtime"]
WEEK = 7 * 86_400_000


@dataclass(frozen=True)
class Entry:
    """One periodic job.

    Args:
        name: Unique in its schedule.
        job: What the engine knows the job by; it is enqueued without arguments.
        cron: Five fields; empty if `every` says it.
        every: Milliseconds, counted from 1970; 0 if `cron` says it.
        timezone: Whose wall clock `cron` is read on.
        queue: Where it waits; empty means the job's own.
        options: What else the engine is to keep with it, such as ``retry``.
        catch_up: What becomes of ticks that nobody was there for: none, the newest one, or all.
        catch_up_window: Milliseconds after which a missed tick is too old; None means one interval, at most a week.
        overlap: What becomes of a tick whose predecessor's job still runs: enqueued all the same, left out, or one of them
            kept until that job ends.
        jitter: Milliseconds of which each tick is put off by a part: the same on every host.
        timeout: Milliseconds for which a job may count as running.
        enabled: Whether it fires.
        description: For people.
        source: Who says it: the schedule file, code, or somebody at run time.
    """

    name: str
    job: str
    cron: str = ""
    every: int = 0
    timezone: str = "UTC"
    queue: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)
    catch_up: CatchUp = "one"
    catch_up_window: int | None = None
    overlap: Overlap = "allow"
    jitter: int = 0
    timeout: int = 3_600_000
    enabled: bool = True
    description: str = ""
    source: Source = "file"

    def to_json(self) -> str:
        """All of it."""
        return msgspec.json.encode(asdict(self)).decode()

    @classmethod
    def from_json(cls, text: str) -> Self:
        """An entry, as another release may have written it: what is not known is left out."""
        said = msgspec.json.decode(text)
        return cls(**{name: value for name, value in said.items() if name in cls.__dataclass_fields__})

    @property
    def timing(self) -> tuple[str, int, str]:
        """What decides when it fires."""
        return self.cron, self.every, self.timezone

    @cached_property
    def parsed(self) -> Cron | None:
        """Its expression, read."""
        return read(self.cron, self.name) if self.cron else None

    def after(self, instant: int) -> int:
        """The next planned instant, later than one; epoch milliseconds."""
        if self.parsed is None:
            return (instant // self.every + 1) * self.every
        return next_instant(self.parsed, self.timezone, instant // 1000) * 1000

    def following(self, instant: int) -> Iterator[int]:
        """All planned instants later than one."""
        while True:
            instant = self.after(instant)
            yield instant

    def newest(self, first: int, now: int) -> int:
        """The newest planned instant until now, from one of them on that has come."""
        if self.parsed is None:
            return max(first, now // self.every * self.every)
        back = 60_000
        while (found := self.after(max(first, now - back))) > now:
            if now - back <= first:
                return first
            back *= 2
        # It lies from `found` on until `end`; each step halves what is between them.
        end = now
        while (later := self.after(found)) <= now:
            middle = (later + end) // 2
            tick = self.after(middle)
            found, end = (tick, end) if tick <= now else (later, middle)
        return found

    def count(self, first: int, end: int) -> int:
        """How many planned instants lie from one of them on before another."""
        if self.parsed is None:
            return (end - first) // self.every
        return 1 + count_between(self.parsed, self.timezone, first // 1000, end // 1000)

    def delay(self, schedule: str) -> int:
        """Milliseconds by which each of its ticks is put off."""
        if not self.jitter:
            return 0
        digest = sha256(f"{schedule}|{self.name}".encode()).digest()
        return int.from_bytes(digest[:8], "big") % self.jitter

    def window(self, planned: int) -> int:
        """Milliseconds after which a missed tick is too old."""
        if self.catch_up_window is not None:
            return self.catch_up_window
        return min(self.after(planned) - planned, WEEK)


def tick_id(schedule: str, entry: str, planned: int) -> str:
    """The id of a tick's job: it follows from what it is, so that a repeat can be told."""
    return sha256(f"{schedule}|{entry}|{planned}".encode()).hexdigest()[:24]
