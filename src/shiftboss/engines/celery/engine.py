"""`CeleryEngine`: jobs are tasks of a Celery app."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from functools import partial
from inspect import getattr_static
from typing import TYPE_CHECKING, Any

import celery

from shiftboss.engine import KnownJob, NotPublished
from shiftboss.engines.celery.messages import KEPT, queue_of, to_call
from shiftboss.engines.celery.results import release
from shiftboss.engines.celery.texts import far_date, from_text, to_text
from shiftboss.jobs import Message
from shiftboss.later import AHEAD, put_off
from shiftboss.plan import Plan, run, work

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


class CeleryEngine:
    """The side of the engine that publishes.

    Args:
        app: The Celery app. Its tasks take part once `install` was called.

    Example:
        >>> from celery import Celery
        >>> from shiftboss import Shiftboss
        >>> app = Celery("doc", broker="memory://")
        >>> client = Shiftboss("fake://doc", engine=CeleryEngine(app))
        >>> client.perform(client.engine.enqueue([Message("resize", ("a.png",), "low", "ab12")]))
    """

    name = "celery"
    joins_batches = False

    def __init__(self, app: celery.Celery) -> None:
        self.app = app
        self.client: Shiftboss | None = None

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        """Publish messages, one by one over one connection; those with `at` as tasks with an ``eta``, once that is near.

        Raises:
            NotPublished: The broker is away, or an argument cannot be serialized; it names what was not published.
        """
        yield from work(partial(self._publish, list(messages)))

    def promote(self, text: str) -> None:
        """Publish what was put off, its time being near."""
        name, args, kwargs, options = from_text(self.app, text)
        type(self.app).send_task(self.app, name, args, kwargs, **options)

    def known(self, name: str) -> KnownJob | None:
        """What this process knows of a task by its name: where it is routed, and whether it takes no arguments. No round trip."""
        task = self.app.tasks.get(name)
        if task is None:
            return None
        try:
            task.__header__()
            problem = ""
        except TypeError as error:
            problem = str(error)
        own = getattr_static(task, "queue", None)  # reading it warns
        options = {"queue": own} if isinstance(own, str) else {}
        return KnownJob(queue_of(self.app, name, (), {}, options), {}, problem)

    def _publish(self, messages: Sequence[Message]) -> None:
        published = 0
        try:
            with self._producer() as producer:
                for message in messages:
                    self._send(message, producer)
                    published += 1
        except Exception as error:
            left = [message.id for message in messages[published:]]
            raise NotPublished(f"{len(left)} of {len(messages)} tasks were not published: {error}", left) from error

    def _send(self, message: Message, producer: Any) -> None:
        date = far_date(self.app, message)
        if date is None or self.client is None:
            self._send_now(message, producer)
        else:
            self.client.perform(run(put_off(self.client, self.name, to_text(self.app, message), date - AHEAD)))
        kept = message.options.get(KEPT)
        if kept is not None:
            kept.published = True
            release(kept.result)

    def _send_now(self, message: Message, producer: Any) -> None:
        name, args, kwargs, options = to_call(message)
        task = self.app._tasks.get(name) if self.app.conf.task_always_eager else None
        if task is None:
            # The class's own method: the app's attribute is what collects.
            type(self.app).send_task(self.app, name, args, kwargs, producer=producer, **options)
        else:
            celery.Task.apply_async(task, args, kwargs, **options)

    def _producer(self) -> Any:
        return contextlib.nullcontext() if self.app.conf.task_always_eager else self.app.producer_or_acquire()
