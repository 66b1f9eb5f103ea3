"""A job on the wire: Sidekiq's JSON, and one field of our own, ``sbm``, for members and callbacks of batches.

What this release does not know is kept in the message's options and written back, so that a Ruby process finds its
fields again. ``sbm`` is always the last field: a script that hands out positions completes a payload by appending.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import msgspec

from shiftboss.errors import JobError
from shiftboss.jobs import PLACE, CallbackOf, Member, Message, place_to

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder()
# A whole number below this is in seconds, as older releases of Ruby's Sidekiq wrote; in milliseconds it would be 1973.
_SECONDS_BELOW = 100_000_000_000
_SHOWN = 80
# Seconds that a job which is pushed may wait before it begins; on the wire, the epoch second until which that is.
EXPIRES_IN = "expires_in"
EXPIRY = "expiry"


@dataclass(frozen=True, slots=True)
class Payload:
    """A job as it was read, with what happened to it so far. Change it with `dataclasses.replace`.

    Args:
        message: The job; options hold every field that is not named here, known or not.
        created_at_ms: When it was first pushed, epoch milliseconds.
        enqueued_at_ms: When it last entered a queue, epoch milliseconds.
        retry_count: 0 after the first failure, one more after each other; None before.
        failed_at_ms: When it failed first, epoch milliseconds.
        retried_at_ms: When it failed last, if more than once, epoch milliseconds.
        error_class: What the last failure was.
        error_message: What it said.
        raw: The bytes it was read from, which is how a list or set in Redis knows it; empty if it was not read.

    Example:
        >>> payload = decode(b'{"class":"Resize","args":[1],"queue":"low","jid":"ab12","cattr":{"tenant":7}}')
        >>> payload.message.name, payload.message.args, payload.message.options
        ('Resize', (1,), {'cattr': {'tenant': 7}})
    """

    message: Message
    created_at_ms: int | None = None
    enqueued_at_ms: int | None = None
    retry_count: int | None = None
    failed_at_ms: int | None = None
    retried_at_ms: int | None = None
    error_class: str | None = None
    error_message: str | None = None
    raw: bytes = field(default=b"", compare=False, repr=False)

    @property
    def attempt(self) -> int:
        """How often it had failed before this run."""
        return 0 if self.retry_count is None else self.retry_count + 1

    def without_expiry(self) -> Payload:
        """The same job, which does not expire: it has begun to run, or somebody wants it to."""
        options = {name: value for name, value in self.message.options.items() if name != EXPIRY}
        return replace(self, message=replace(self.message, options=options))

    def put_back(self) -> bytes:
        """The wire form of a job that had begun and returns to its queue: what was read, but that it expires no more."""
        return (
            self.without_expiry().encode(enqueued_at_ms=self.enqueued_at_ms)
            if EXPIRY in self.message.options
            else self.raw
        )

    def encode(self, *, enqueued_at_ms: int | None) -> bytes:
        """The wire form with all that is known; nothing that was read is lost. No round trip.

        Args:
            enqueued_at_ms: Epoch milliseconds if it goes into a queue now; None if it waits in a set.
        """
        fields = _fields(self.message, self.created_at_ms, enqueued_at_ms)
        for name in ("retry_count", "error_class", "error_message"):
            value = getattr(self, name)
            if value is not None:
                fields[name] = value
        if self.failed_at_ms is not None:
            fields["failed_at"] = self.failed_at_ms
        if self.retried_at_ms is not None:
            fields["retried_at"] = self.retried_at_ms
        return _close(fields, self.message.batch)


def encode(message: Message, *, created_at_ms: int | None, enqueued_at_ms: int | None) -> bytes:
    """A new job's wire form. No round trip.

    Args:
        message: The job; `at` is not part of the payload, it becomes the score in the schedule.
        created_at_ms: Epoch milliseconds.
        enqueued_at_ms: Epoch milliseconds; None for a job that is scheduled.

    Example:
        >>> encode(Message("Resize", ("a.png",), "low", "ab12"), created_at_ms=1700000000000, enqueued_at_ms=None)
        b'{"class":"Resize","args":["a.png"],"queue":"low","jid":"ab12","created_at":1700000000000}'
    """
    if EXPIRES_IN in message.options:
        message = _expiring(message)
    return _close(_fields(message, created_at_ms, enqueued_at_ms), message.batch)


def encode_open(message: Message, bid: str, *, created_at_ms: int | None, enqueued_at_ms: int | None) -> bytes:
    """The wire form of a member whose position is not known yet: a script appends ``<position>]}``. No round trip.

    Args:
        message: The job, its `batch` not yet set.
        bid: The batch it joins.
        created_at_ms: As for `encode`.
        enqueued_at_ms: As for `encode`.

    Example:
        >>> encode_open(Message("R", (), "low", "ab12"), "3f0a", created_at_ms=1, enqueued_at_ms=2)[-32:]
        b'1,"enqueued_at":2,"sbm":["3f0a",'
    """
    if EXPIRES_IN in message.options:
        message = _expiring(message)
    closed = _encoder.encode(_fields(message, created_at_ms, enqueued_at_ms))
    return closed[:-1] + b',"sbm":[' + _encoder.encode(bid) + b","


def decode(raw: bytes) -> Payload:
    """Read a job's wire form, whoever wrote it. No round trip.

    Raises:
        JobError: It is not JSON, not an object, or a field that every job has is missing or of a wrong type.
    """
    fields = _read(raw)
    name = _take(fields, "class", str, "a string", raw)
    args = tuple(_take(fields, "args", list, "an array", raw))
    queue = _take(fields, "queue", str, "a string", raw)
    jid = _take(fields, "jid", str, "a string", raw)
    batch = _place(fields.pop(PLACE, None))
    # What is left in `fields` when all others have been taken is the message's options.
    return Payload(
        Message(name, args, queue, jid, None, batch, fields),
        created_at_ms=_milliseconds(fields.pop("created_at", None)),
        enqueued_at_ms=_milliseconds(fields.pop("enqueued_at", None)),
        retry_count=_take_count(fields),
        failed_at_ms=_milliseconds(fields.pop("failed_at", None)),
        retried_at_ms=_milliseconds(fields.pop("retried_at", None)),
        error_class=_take_text(fields, "error_class"),
        error_message=_take_text(fields, "error_message"),
        raw=raw,
    )


def _fields(message: Message, created_at_ms: int | None, enqueued_at_ms: int | None) -> dict[str, Any]:
    fields: dict[str, Any] = {"class": message.name, "args": message.args, **message.options}
    fields["queue"] = message.queue
    fields["jid"] = message.id
    if created_at_ms is not None:
        fields["created_at"] = created_at_ms
    if enqueued_at_ms is not None:
        fields["enqueued_at"] = enqueued_at_ms
    return fields


def _expiring(message: Message) -> Message:
    options = dict(message.options)
    lasting = options.pop(EXPIRES_IN)
    if isinstance(lasting, (int, float)):
        options[EXPIRY] = (time.time() if message.at is None else message.at) + lasting
    return replace(message, options=options)


def _close(fields: dict[str, Any], batch: Member | CallbackOf | None) -> bytes:
    if batch is not None:
        fields[PLACE] = place_to(batch)
    return _encoder.encode(fields)


def _read(raw: bytes) -> dict[str, Any]:
    try:
        fields = _decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise JobError(f"malformed job: not JSON that can be read ({error}), got {_shown(raw)}") from None
    if not isinstance(fields, dict):
        raise JobError(f"malformed job: expected a JSON object, got {_shown(raw)}")
    return fields


def _take(fields: dict[str, Any], name: str, kind: type[Any], wanted: str, raw: bytes) -> Any:
    if name not in fields:
        raise JobError(f"malformed job: {name} is missing, got {_shown(raw)}")
    value = fields.pop(name)
    if not isinstance(value, kind) or value == "":
        raise JobError(f"malformed job: expected {name} to be {wanted}, got {value!r:.{_SHOWN}}")
    return value


def _take_text(fields: dict[str, Any], name: str) -> str | None:
    return fields.pop(name) if isinstance(fields.get(name), str) else None


def _take_count(fields: dict[str, Any]) -> int | None:
    count: int | None = fields.get("retry_count")
    if count is not None and not _is_integer(count):
        raise JobError(f"malformed job: expected retry_count to be an integer, got {count!r:.{_SHOWN}}")
    fields.pop("retry_count", None)
    return count


def _place(sbm: Any) -> Member | CallbackOf | None:
    match sbm:
        case None:
            return None
        case [str(bid), number] if bid and _is_integer(number) and number >= 0:
            return Member(bid, number)
        case [str(bid), str(event), number] if bid and _is_integer(number) and number >= 0:
            return CallbackOf(bid, event, number)
    raise JobError(f"malformed job: expected sbm to be [bid, position] or [bid, event, index], got {sbm!r:.{_SHOWN}}")


def _is_integer(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _milliseconds(value: Any) -> int | None:
    """Epoch milliseconds from any of the forms in use; what cannot be one is no reason to refuse a job."""
    try:
        if isinstance(value, str):
            moment = datetime.fromisoformat(value)
            value = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            return int(value) if value >= _SECONDS_BELOW else round(value * 1000)
    except (ValueError, OverflowError):
        pass
    return None


def _shown(raw: bytes) -> str:
    return repr(raw[:_SHOWN]) + ("..." if len(raw) > _SHOWN else "")
