"""What is asked of Celery passes by the features first: an open jobs block keeps it, and publishes it when it ends."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import Any

from celery import Celery

from shiftboss.client import Shiftboss
from shiftboss.engines.celery.messages import KEPT, Kept, to_message
from shiftboss.engines.celery.results import guard
from shiftboss.engines.celery.texts import far_date
from shiftboss.errors import ConfigError
from shiftboss.jobs import Message

Send = Callable[..., Any]


def collect(
    client: Shiftboss, app: Celery, name: str, args: Any, kwargs: Any, options: Mapping[str, Any], make_result: Send
) -> Any:
    """Offer a task to the features.

    Returns:
        The result to give to the caller; None if nobody took it and Celery shall publish it as it is.

    Raises:
        ConfigError: A batch would keep it, but its outcome would never be heard of.
    """
    message = to_message(app, name, args, kwargs, options)
    # A retry, however it is called for, is the same job again.
    messages = [message] if options.get("retries") else client.perform(client.pushing([message]))
    if messages and messages[0] is message and not (_is_ours(message) and far_date(app, message)):
        return None
    result, kept = make_result(message.id), message.options[KEPT]
    if messages:
        client.perform(client.engine.enqueue(messages))
    elif not kept.published:
        _check_base(app, name)
        _keep(kept, result)
    return result


def collecting(send: Send, app: Celery, client_of: Callable[[Celery], Shiftboss]) -> Send:
    """``app.send_task``, collecting. All ways to call a task end there, but for eager ones."""

    def send_task(
        name: str,
        args: Any = None,
        kwargs: Any = None,
        countdown: Any = None,
        eta: Any = None,
        task_id: str | None = None,
        **options: Any,
    ) -> Any:
        given = {**options, "countdown": countdown, "eta": eta, "task_id": task_id}
        result = collect(client_of(app), app, name, args, kwargs, given, options.get("result_cls") or app.AsyncResult)
        return send(name, args, kwargs, **given) if result is None else result

    return send_task


def _is_ours(message: Message) -> bool:
    """Whether it is in a batch, or was put back; with any other task nothing changes."""
    return message.batch is not None or message.options.keys() != {KEPT}


def _keep(kept: Kept, result: Any) -> None:
    # Celery would have written them down by now: what the caller changes later is not meant.
    kept.args, kept.kwargs = deepcopy(kept.args), deepcopy(kept.kwargs)
    kept.result = guard(result)


def _check_base(app: Celery, name: str) -> None:
    # Of a task that is defined elsewhere nothing is known here.
    task = app._tasks.get(name)
    if task is not None and not getattr(task, "reports_outcome", False):
        raise ConfigError(
            f"task {name!r} cannot be a batch's: derive its base from shiftboss.engines.celery.ShiftbossTask"
        )
