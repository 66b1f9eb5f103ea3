"""`Entry`: one job where it waits, and what can be done to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shiftboss.engines.sidekiq.due import due_at, due_in
from shiftboss.engines.sidekiq.options import WORD, is_word
from shiftboss.engines.sidekiq.payload import Payload, decode
from shiftboss.engines.sidekiq.sets import calls
from shiftboss.errors import JobError
from shiftboss.jobs import TOLD, TRACK, Member, Message, Outcome
from shiftboss.plan import Plan, run

if TYPE_CHECKING:
    from shiftboss.engines.sidekiq.sets.place import Place


@dataclass(frozen=True, slots=True)
class Entry:
    """A job that waits in a queue or in a set, as it was read.

    It may be gone when it is acted on: a worker may have taken it. Each action moves the job in one step, and returns
    whether it was still there; nothing happens if it was not.

    Args:
        raw: Its payload, byte for byte.
        at: In the schedule and the retries when it is due, among the dead when it died; None in a queue.
        payload: Its payload, read; None if it cannot be.
    """

    raw: bytes
    at: datetime | None
    payload: Payload | None
    _place: Place = field(repr=False, compare=False)

    @classmethod
    def read(cls, raw: bytes, score: float | None, place: Place) -> Entry:
        """From what Redis has."""
        try:
            payload = decode(raw)
        except JobError:
            payload = None
        return cls(raw, None if score is None else _moment(score * 1000), payload, place)

    @property
    def jid(self) -> str:
        return self.payload.message.id if self.payload else ""

    @property
    def name(self) -> str:
        """What the job is called; empty if the payload cannot be read."""
        return self.payload.message.name if self.payload else ""

    @property
    def args(self) -> tuple[Any, ...]:
        return self.payload.message.args if self.payload else ()

    @property
    def queue(self) -> str:
        return self.payload.message.queue if self.payload else ""

    @property
    def bid(self) -> str | None:
        """The batch it is a member of."""
        batch = self.payload.message.batch if self.payload else None
        return batch.bid if isinstance(batch, Member) else None

    @property
    def options(self) -> Mapping[str, Any]:
        """Every other field of the payload."""
        return self.payload.message.options if self.payload else {}

    @property
    def error_class(self) -> str | None:
        return self.payload.error_class if self.payload else None

    @property
    def error_message(self) -> str | None:
        return self.payload.error_message if self.payload else None

    @property
    def retry_count(self) -> int | None:
        """0 after the first failure, one more after each other; None before."""
        return self.payload.retry_count if self.payload else None

    @property
    def created_at(self) -> datetime | None:
        return _moment(self.payload.created_at_ms) if self.payload else None

    @property
    def enqueued_at(self) -> datetime | None:
        return _moment(self.payload.enqueued_at_ms) if self.payload else None

    @property
    def failed_at(self) -> datetime | None:
        """When it failed first."""
        return _moment(self.payload.failed_at_ms) if self.payload else None

    def to_dict(self) -> dict[str, Any]:
        """What JSON can hold; times as in ISO 8601."""
        shown: dict[str, Any] = {
            "jid": self.jid,
            "class": self.name,
            "args": list(self.args),
            "queue": self.queue,
            "bid": self.bid,
        }
        shown |= {"error_class": self.error_class, "error_message": self.error_message, "retry_count": self.retry_count}
        times = {"at": self.at, "created_at": self.created_at, "enqueued_at": self.enqueued_at}
        times["failed_at"] = self.failed_at
        shown |= {name: None if when is None else when.isoformat() for name, when in times.items()}
        if self.payload is None:
            shown["raw"] = self.raw.decode("utf-8", "replace")
        return shown

    def delete(self) -> bool:
        """Drop it. A batch that it is a member of goes on waiting for it. One round trip."""
        return self._place.client.perform(self._delete())

    async def adelete(self) -> bool:
        """As `delete`, for coroutines."""
        return await self._place.client.aperform(self._delete())

    def requeue(self, queue: str | None = None) -> bool:
        """Put it at the back of its queue, or of another one. One round trip.

        Raises:
            JobError: Its payload cannot be read, or no worker can serve a queue of that name.
        """
        return self._place.client.perform(self._requeue(queue))

    async def arequeue(self, queue: str | None = None) -> bool:
        """As `requeue`, for coroutines."""
        return await self._place.client.aperform(self._requeue(queue))

    def retry(self) -> bool:
        """Run it again now; of a job that has failed, this try is not counted. It does not expire any more. One round trip.

        Raises:
            JobError: Its payload cannot be read.
        """
        return self._place.client.perform(self._retry())

    async def aretry(self) -> bool:
        """As `retry`, for coroutines."""
        return await self._place.client.aperform(self._retry())

    def kill(self) -> bool:
        """Move it to the dead. It has died to its batch, to its schedule and to jobs that were to run after it. One round trip,
        and one for each of those.
        """
        return self._place.client.perform(self._kill())

    async def akill(self) -> bool:
        """As `kill`, for coroutines."""
        return await self._place.client.aperform(self._kill())

    def reschedule(self, when: datetime | timedelta | float) -> bool:
        """Change when a scheduled or failed job is due: a moment, or a timedelta or seconds from now. One round trip.

        Raises:
            JobError: Not a time, or the job waits in a queue.
        """
        return self._place.client.perform(self._reschedule(when))

    async def areschedule(self, when: datetime | timedelta | float) -> bool:
        """As `reschedule`, for coroutines."""
        return await self._place.client.aperform(self._reschedule(when))

    def _delete(self) -> Plan[bool]:
        return (yield from run(self._place.delete_call(self.raw)))

    def _requeue(self, queue: str | None) -> Plan[bool]:
        payload = self._readable()
        if queue is not None and not is_word(queue):
            raise JobError(f"expected queue to be {WORD}, got {queue!r}")
        message = replace(payload.message, queue=queue or payload.message.queue)
        return (yield from self._move(replace(payload, message=message)))

    def _retry(self) -> Plan[bool]:
        payload = self._readable().without_expiry()
        if payload.retry_count is not None:
            payload = replace(payload, retry_count=payload.retry_count - 1)
        return (yield from self._move(payload))

    def _move(self, payload: Payload) -> Plan[bool]:
        place, now_ms = self._place, round(datetime.now(UTC).timestamp() * 1000)
        pushed = payload.encode(enqueued_at_ms=now_ms)
        return (yield from run(calls.requeue(place.keys, place.key, payload.message.queue, self.raw, pushed)))

    def _kill(self) -> Plan[bool]:
        place = self._place
        keep = self.raw if self.payload is None else self.payload.encode(enqueued_at_ms=None)
        moved = yield from run(calls.bury(place.keys, place.key, self.raw, keep))
        if moved and self.payload is not None:
            yield from self._tell_of_death(self.payload.message)
        return moved

    def _tell_of_death(self, message: Message) -> Plan[None]:
        error = JobError("killed by hand")
        for extension in self._place.client.extensions.values():
            if TRACK in message.options:
                yield from extension.tracked(message, Outcome.DIED)
            if message.batch is not None or TOLD in message.options:
                yield from extension.finished(message, Outcome.DIED, error)

    def _reschedule(self, when: datetime | timedelta | float) -> Plan[bool]:
        if self.at is None:
            raise JobError(f"job {self.jid} waits in queue {self.queue!r}; only scheduled and failed jobs have a time")
        due = due_at(self.name, when) if isinstance(when, datetime) else due_in(self.name, when)
        at = datetime.now(UTC).timestamp() if due is None else due
        return (yield from run(calls.reschedule(self._place.key, self.raw, at)))

    def _readable(self) -> Payload:
        if self.payload is None:
            raise JobError(f"expected a job that can be run, got a payload that cannot be read: {self.raw[:80]!r}")
        return self.payload


def _moment(milliseconds: float | None) -> datetime | None:
    if milliseconds is None:
        return None
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC)
    except (OverflowError, ValueError, OSError):
        return None
