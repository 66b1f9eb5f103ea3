"""Ends of tasks that only Celery's signals tell of, in the process that ran the task.

A task's own hooks report first; a subclass may override them and forget to call these.
"""

from __future__ import annotations

from typing import Any

from celery import signals

from shiftboss.engines.celery.clients import client_of
from shiftboss.engines.celery.messages import from_headers
from shiftboss.engines.celery.task import ShiftbossTask
from shiftboss.jobs import Outcome
from shiftboss.reporting import tell


def connect() -> None:
    """Hear of them from now on. Doing it twice is doing it once."""
    for signal, handler in (
        (signals.task_success, _succeeded),
        (signals.task_retry, _failed),
        (signals.task_failure, _died),
        (signals.task_internal_error, _broke),
    ):
        signal.connect(handler, weak=False, dispatch_uid=f"shiftboss:{handler.__name__}")


def _succeeded(sender: Any = None, **_: Any) -> None:
    if isinstance(sender, ShiftbossTask):
        sender.report_outcome(Outcome.SUCCEEDED)


def _failed(sender: Any = None, reason: Any = None, **_: Any) -> None:
    if isinstance(sender, ShiftbossTask):
        sender.report_outcome(Outcome.FAILED, reason.exc or reason)


def _died(sender: Any = None, exception: Any = None, **_: Any) -> None:
    if isinstance(sender, ShiftbossTask):
        sender.report_outcome(Outcome.DIED, exception)


def _broke(sender: Any = None, task_id: str = "", request: Any = None, exception: Any = None, **_: Any) -> None:
    """Celery gave the task up after it had run: its result could not be stored, for one."""
    if isinstance(sender, ShiftbossTask) and isinstance(request, dict):
        delivery = request.get("delivery_info")
        headers = {**request, **(request.get("headers") or {})}
        message = from_headers(sender.app, headers, delivery, task_id=task_id, name=sender.name)
        tell(client_of(sender.app), message, Outcome.DIED, exception)
