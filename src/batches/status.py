"""`Status`: what a batch looked like at one moment."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from shiftboss.client import current_client

from .callbacks import EVENTS, Callback
from .results import aread_results, read_results

MINUTE = 60_000

# What a batch can be in a word, in the order of its life.
STATES = ("open", "running", "complete", "succeeded", "dead", "broken")


@dataclass(frozen=True, slots=True)
class CallbackStatus:
    """One callback of a batch.

    Args:
        event: What it waits for.
        target: What is called.
        state: ``waiting`` for the event, ``due`` (to be run), ``running``, ``done`` or ``died``.
    """

    event: str
    target: str
    state: str


@dataclass(frozen=True, slots=True)
class Failure:
    """A failed run of a job.

    Args:
        jid: The job's id.
        error: What it raised: the class.
        message: What that said, at most 500 characters.
        attempt: How often the job had failed before.
        at: When.
    """

    jid: str
    error: str
    message: str
    attempt: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Status:
    """A batch at one moment. Reading it costs one round trip; the object asks nothing more, but for
    `results`.

    Args:
        bid: The batch's id.
        parent_bid: The id of the batch whose child it is, or None.
        total: Jobs so far.
        done: Jobs that succeeded.
        pending: Jobs that have not succeeded yet (those that died are among them).
        failing: Jobs whose last run failed and that will run again.
        dead: Jobs that will not run again.
        children: Child batches, and others that it waits for.
        awaits: The ids of those that it waits for: batches and tracked jobs, also those that have succeeded.
        created_at: When it was first flushed; the other times are None until they are.
        expires_at: When it will be forgotten unless something happens.
        callbacks: What is called, and how far that is.
        failures: The newest failed runs, at most 100.
        failed: How many runs have failed so far.
        rate: Jobs that succeed in a second, of late: an average that forgets what was more than a minute ago.
        invalidated: Whether it is not wanted any more: members that have not started are left out.
        broken: Whether a block of it never closed, so that it will not complete by itself.
        open: Whether a block of it is open now.
    """

    bid: str
    description: str
    tags: tuple[str, ...]
    parent_bid: str | None
    total: int
    done: int
    failing: int
    dead: int
    children: int
    awaits: tuple[str, ...]
    created_at: datetime
    complete_at: datetime | None
    success_at: datetime | None
    death_at: datetime | None
    finished_at: datetime | None
    expires_at: datetime
    callbacks: tuple[CallbackStatus, ...]
    failures: tuple[Failure, ...]
    failed: int
    rate: float
    invalidated: bool
    broken: bool
    open: bool

    @property
    def pending(self) -> int:
        return self.total - self.done

    @property
    def progress(self) -> float:
        """How much of it succeeded, from 0 to 1. An empty batch is as done as it can be."""
        return self.done / self.total if self.total else 1.0

    @property
    def eta(self) -> timedelta | None:
        """How long the rest takes at this rate; None if nothing has succeeded of late, or nothing is left."""
        left = self.pending - self.dead
        return timedelta(seconds=left / self.rate) if left > 0 and self.rate > 0 else None

    @property
    def state(self) -> str:
        """In a word: ``broken``, ``succeeded``, ``dead`` (a job died, of it or below it), ``complete``, ``open`` or ``running``."""
        if self.broken:
            return "broken"
        if self.success_at:
            return "succeeded"
        if self.death_at:
            return "dead"
        if self.complete_at:
            return "complete"
        return "open" if self.open else "running"

    def results(self) -> Iterator[Any]:
        """What its members reported, up to now; see `Batch.results`. The current client reads it."""
        return read_results(current_client(), self.bid)

    def aresults(self) -> AsyncIterator[Any]:
        """As `results`, for coroutines: ``async for``."""
        return aread_results(current_client(), self.bid)

    def happened(self, event: str) -> bool:
        """Whether an event has come to pass."""
        return getattr(self, f"{event}_at") is not None

    def to_dict(self) -> dict[str, Any]:
        """All of it as JSON values; times in ISO 8601."""
        values = asdict(self)
        values |= {"pending": self.pending, "progress": round(self.progress, 6), "state": self.state}
        values["tags"], values["awaits"] = list(self.tags), list(self.awaits)
        values["eta"] = None if self.eta is None else round(self.eta.total_seconds(), 3)
        values["callbacks"] = list(values["callbacks"])
        values["failures"] = list(values["failures"])
        return {key: _plain(value) for key, value in values.items()}


def read_status(
    bid: str, record: Mapping[str, str], life: int, failures: Sequence[tuple[str, int]] = ()
) -> Status | None:
    """The status that a record shows, None where there is no record.

    Args:
        bid: The batch's id.
        record: All fields.
        life: Milliseconds it has left to live.
        failures: What is kept of them with their times in microseconds, newest first.
    """
    if "total" not in record:
        return None
    total, ran, done, dead = (_jobs(record, name) for name in ("total", "ran", "done", "dead"))
    return Status(
        bid=bid,
        description=record.get("description", ""),
        tags=tuple(msgspec.json.decode(record.get("tags", "[]"))),
        parent_bid=record.get("parent"),
        total=total,
        done=done,
        failing=ran - done - dead,
        dead=dead,
        children=int(record.get("children", 0)),
        awaits=tuple(entry.partition(":")[2] for entry in record.get("awaits", "").split()),
        created_at=_instant(record["created_at"]),
        complete_at=_maybe(record, "complete"),
        success_at=_maybe(record, "success"),
        death_at=_maybe(record, "death"),
        finished_at=_maybe(record, "finished"),
        expires_at=datetime.now(UTC) + timedelta(milliseconds=max(life, 0)),
        callbacks=tuple(_callbacks(record)),
        failures=tuple(_failure(kept, at) for kept, at in failures),
        failed=int(record.get("failures", 0)),
        rate=_rate(record),
        invalidated="invalidated_at" in record,
        broken="broken" in record,
        open=int(record["open"]) > 0 and "broken" not in record,
    )


def _jobs(record: Mapping[str, str], counter: str) -> int:
    """A counter without the children's part in it, and without places that were given up: those count as done there."""
    children = "children" if counter == "total" else f"children:{counter}"
    cancelled = 0 if counter == "dead" else int(record.get("cancelled", 0))
    return int(record[counter]) - int(record.get(children, 0)) - cancelled


def _callbacks(record: Mapping[str, str]) -> list[CallbackStatus]:
    found = []
    for event in EVENTS:
        for index in range(int(record.get(f"callbacks:{event}", 0))):
            state = record.get(f"run:{event}:{index}")
            if state is None:
                state = "due" if f"{event}_at" in record else "waiting"
            elif state not in ("done", "died"):
                state = "running"
            found.append(CallbackStatus(event, Callback.from_json(record[f"call:{event}:{index}"]).target, state))
    return found


def _failure(kept: str, at: int) -> Failure:
    return Failure(**msgspec.json.decode(kept), at=datetime.fromtimestamp(at / 1_000_000, UTC))


def _rate(record: Mapping[str, str]) -> float:
    """The average as it has faded until now. It has seen less than its minute at first, which is made up for."""
    now, at, began = time.time() * 1000, int(record["rate_at"]), int(record["created_at"])
    lately = (int(record["done"]) - int(record["rate_done"])) / 60
    seen = 1 - math.exp(-max(now - began, 1) / MINUTE)
    return round((float(record["rate"]) * math.exp(-max(now - at, 0) / MINUTE) + lately) / seen, 6)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return {key: _plain(part) for key, part in value.items()} if isinstance(value, dict) else value


def _instant(milliseconds: str) -> datetime:
    return datetime.fromtimestamp(int(milliseconds) / 1000, UTC)


def _maybe(record: Mapping[str, str], event: str) -> datetime | None:
    value = record.get(f"{event}_at")
    return None if value is None else _instant(value)
