"""Making a Celery app's tasks take part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from celery import Celery
from celery.exceptions import NotRegistered
from celery.signals import task_unknown
from celery.utils.imports import symbol_by_name

from shiftboss.engines.celery import features, signals
from shiftboss.engines.celery.clients import belonging, client_of
from shiftboss.engines.celery.collecting import collecting
from shiftboss.engines.celery.messages import from_headers
from shiftboss.engines.celery.step import WatchStep
from shiftboss.engines.celery.task import ShiftbossTask
from shiftboss.errors import ConfigError
from shiftboss.jobs import Outcome
from shiftboss.trusted import trust_modules
from shiftboss.watch import watch_of

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.engines.celery.engine import CeleryEngine


def install(app: Celery, client: Shiftboss | None = None, *, callback_modules: Sequence[str] = ()) -> Shiftboss:
    """Let the tasks of an app be members and callbacks of batches. Call it before tasks are defined; again is harmless.

    Args:
        app: The app.
        client: Where the batches live; its engine is this app's `CeleryEngine`. Default the configured client, or one that
            is configured here from the environment.
        callback_modules: Modules beside those of the tasks that callbacks may live in.

    Returns:
        The client. No round trip.

    Raises:
        ConfigError: Tasks were defined already, the client has another engine, or there is no such module.
    """
    trust_modules(callback_modules)
    return belonging.join(app, client, _set_up)


def _set_up(app: Celery, client: Shiftboss, engine: CeleryEngine) -> None:
    _set_base(app)
    engine.client = client
    app.send_task = collecting(app.send_task, app, client_of)
    app.steps["worker"].add(WatchStep)
    features.register(app, client)
    signals.connect()
    task_unknown.connect(_unknown, weak=False, dispatch_uid="shiftboss:unknown")


def _set_base(app: Celery) -> None:
    base = symbol_by_name(app.task_cls)
    if issubclass(base, ShiftbossTask):
        return
    if "Task" in app.__dict__:
        raise ConfigError(f"the Celery app {app.main!r} has defined tasks already; call install(app) before them")
    app.task_cls = type("Task", (ShiftbossTask, base), {"abstract": True, "__module__": __name__})


def _unknown(sender: Any = None, message: Any = None, name: str = "", id: str = "", **_: Any) -> None:  # noqa: A002
    """No worker here knows the task: Celery drops it, so it will not run."""
    app = sender.app
    try:
        client = client_of(app)
    except ConfigError:
        return
    lost = from_headers(app, message.headers, message.delivery_info, task_id=id, name=name)
    if lost.batch is not None:
        watch_of(client).put(lost, Outcome.DIED, NotRegistered(name))
