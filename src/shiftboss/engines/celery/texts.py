"""A task as text, which waits in Redis until its time is near."""

from __future__ import annotations

import time
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from celery import Celery
from kombu import serialization

from shiftboss.engines.celery.messages import to_call
from shiftboss.jobs import Message
from shiftboss.later import LONG

# They are found again by the task's name.
FOUND = ("task_type", "result_cls", "router")


class Text(msgspec.Struct):
    """A call of ``send_task``: what it is about, and in `body` its arguments and options as `kind` and `encoding` say."""

    name: str
    id: str
    eta: datetime
    expires: datetime | None
    kind: str
    encoding: str
    body: str


def far_date(app: Celery, message: Message) -> float | None:
    """When a message is due, if that is so late that it is better kept by us than by workers."""
    at = message.at
    return None if at is None or at < time.time() + LONG or app.conf.task_always_eager else at


def to_text(app: Celery, message: Message) -> str:
    """The call of ``send_task``, to be kept for later. Arguments are serialized as the task's are.

    Raises:
        kombu.exceptions.EncodeError: They cannot be.
    """
    name, args, kwargs, options = to_call(message)
    options = {key: value for key, value in options.items() if key not in FOUND}
    # A queue may be an object of kombu's, and is known by its name wherever it is published.
    options["queue"] = getattr(options.get("queue"), "name", options.get("queue"))
    expires, eta = options.pop("expires", None), options.pop("eta")
    if isinstance(expires, int | float):
        expires = datetime.now(UTC) + timedelta(seconds=expires)
    elif isinstance(expires, str):
        expires = datetime.fromisoformat(expires)
    serializer = options.get("serializer") or app.conf.task_serializer
    kind, encoding, body = serialization.dumps([args, kwargs, options], serializer)  # type: ignore[no-untyped-call]
    raw = body if isinstance(body, bytes) else body.encode()
    return msgspec.json.encode(Text(name, message.id, eta, expires, kind, encoding, b64encode(raw).decode())).decode()


def from_text(app: Celery, text: str) -> tuple[str, list[Any], dict[str, Any], dict[str, Any]]:
    """The call again.

    Raises:
        kombu.exceptions.ContentDisallowed: The app does not accept how its arguments are serialized.
        kombu.exceptions.DecodeError: They cannot be read.
    """
    kept = msgspec.json.decode(text, type=Text)
    accept = serialization.prepare_accept_content(app.conf.accept_content)  # type: ignore[no-untyped-call]
    body = b64decode(kept.body)
    args, kwargs, options = serialization.loads(body, kept.kind, kept.encoding, accept)  # type: ignore[no-untyped-call]
    if kept.expires is not None:
        options["expires"] = kept.expires
    return kept.name, args, kwargs, {**options, "eta": kept.eta}
