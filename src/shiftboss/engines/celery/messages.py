"""Celery's way to say what is to be run, as a `Message`, and back.

What a `Message` has no place for (keyword arguments, execution options) is kept in its options under one key, as it came.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from celery import Celery
from celery.utils import uuid

from shiftboss.engines.celery.headers import options_of
from shiftboss.jobs import OPTIONS, PLACE, Message, place_from, place_to

KEPT = "celery"
# They belong to the moment of the call; a block publishes later, over a connection of its own.
PASSING = ("producer", "publisher", "connection")


@dataclass(slots=True)
class Kept:
    """The call as it came.

    Args:
        args: Positional arguments.
        kwargs: Keyword arguments.
        options: Everything else that ``send_task`` takes.
        result: What the caller was given, which nobody can wait for until the task is published.
        published: Whether it is.
    """

    args: list[Any]
    kwargs: dict[str, Any]
    options: dict[str, Any]
    result: Any = None
    published: bool = False


def to_message(app: Celery, name: str, args: Any, kwargs: Any, options: Mapping[str, Any]) -> Message:
    """What a call of ``send_task`` asks for.

    Args:
        app: The app that it is asked of.
        name: The task's name.
        args: Positional arguments.
        kwargs: Keyword arguments.
        options: All other arguments of the call, by name.
    """
    kept = {key: value for key, value in options.items() if key not in PASSING}
    at = _due(app, kept)
    _keep_parent(app, kept)
    headers = kept.get("headers")
    return Message(
        name,
        tuple(args or ()),
        queue_of(app, name, args, kwargs, kept),
        kept.pop("task_id", None) or uuid(),
        at,
        place_from((headers or {}).get(PLACE)),
        {**options_of(headers), KEPT: Kept(list(args or ()), dict(kwargs or {}), kept)},
    )


def to_call(message: Message) -> tuple[str, list[Any], dict[str, Any], dict[str, Any]]:
    """What ``send_task`` is to be called with: name, positional and keyword arguments, options."""
    kept = message.options.get(KEPT) or Kept(list(message.args), {}, {"queue": message.queue, "add_to_parent": False})
    options = dict(kept.options)
    headers = dict(options.get("headers") or {})
    if message.batch is not None:
        headers[PLACE] = place_to(message.batch)
    remembered = {key: value for key, value in message.options.items() if key != KEPT}
    if remembered:
        headers[OPTIONS] = remembered
    if headers:
        options["headers"] = headers
    if message.at is not None:
        options["eta"] = datetime.fromtimestamp(message.at, UTC)
    return message.name, kept.args, kept.kwargs, {**options, "task_id": message.id}


def queue_of(app: Celery, name: str, args: Any, kwargs: Any, options: Mapping[str, Any]) -> str:
    """The name of the queue that a task will go to."""
    queue = options.get("queue")
    if queue is None:
        router = options.get("router") or app.amqp.router
        route = router.route(dict(options), options.get("route_name") or name, args, kwargs, options.get("task_type"))
        queue = route.get("queue")
    return cast("str", getattr(queue, "name", queue) or app.conf.task_default_queue)


def arrived(app: Celery, request: Any, name: str) -> Message:
    """The message of a task that is run; `request` is what Celery calls its context."""
    message = from_headers(
        app, request.headers, request.delivery_info, task_id=request.id, name=name, args=tuple(request.args or ())
    )
    return replace(message, attempt=request.retries or 0)


def from_headers(
    app: Celery, headers: Any, delivery: Any, *, task_id: str, name: str, args: tuple[Any, ...] = ()
) -> Message:
    """The message that a broker's message stood for."""
    key = (delivery or {}).get("routing_key")
    by_key = (queue.name for queue in app.amqp.queues.values() if queue.routing_key == key)
    queue = next(by_key, None) or key or app.conf.task_default_queue
    return Message(name, args, queue, task_id, None, place_from((headers or {}).get(PLACE)), options_of(headers))


def _due(app: Celery, options: dict[str, Any]) -> float | None:
    countdown, eta = options.get("countdown"), options.get("eta")
    at: float
    if countdown:
        at = time.time() + countdown
    elif isinstance(eta, datetime):
        at = (eta if eta.tzinfo else eta.replace(tzinfo=app.timezone)).timestamp()
    else:
        return None
    options.pop("countdown", None)
    options.pop("eta", None)
    return at


def _keep_parent(app: Celery, options: dict[str, Any]) -> None:
    """Celery finds out which task pushes when it publishes; a block may do that in another thread."""
    parent = app.current_worker_task
    if parent:
        options["root_id"] = options.get("root_id") or parent.request.root_id or parent.request.id
        options["parent_id"] = options.get("parent_id") or parent.request.id
