"""`ShiftbossRequest`: a task as the worker's main process sees it, which hears of ends that the task itself cannot tell of."""

from __future__ import annotations

from typing import Any

from billiard.einfo import ExceptionWithTraceback
from celery.exceptions import TimeLimitExceeded
from celery.worker.request import Request

from shiftboss.engines.celery.clients import client_of
from shiftboss.engines.celery.messages import from_headers
from shiftboss.jobs import PLACE, Outcome
from shiftboss.watch import watch_of


class ShiftbossRequest(Request):  # type: ignore[misc]
    """Reports tasks that were revoked or have expired, that took too long, or whose process died."""

    _runs_again = False
    _succeeded = False

    def on_failure(self, exc_info: Any, send_failed_event: bool = True, return_ok: bool = False) -> None:
        """With `return_ok` the task has reported itself; else its process is gone."""
        super().on_failure(exc_info, send_failed_event, return_ok)
        if not return_ok and self.acknowledged:
            error = exc_info.exception
            # What was raised in this process comes wrapped.
            self._end(error.exc if isinstance(error, ExceptionWithTraceback) else error)

    def on_timeout(self, soft: bool, timeout: float) -> None:
        super().on_timeout(soft, timeout)
        if not soft and (self.acknowledged or not self.task.acks_late):
            self._end(TimeLimitExceeded(timeout))

    def reject(self, requeue: bool = False) -> None:
        self._runs_again = self._runs_again or requeue
        super().reject(requeue)

    def _announce_revoked(self, reason: str, *args: Any) -> None:
        super()._announce_revoked(reason, *args)
        self._end(RuntimeError(reason))

    def _retry_worker_lost(self, *args: Any) -> Any:
        self._runs_again = bool(super()._retry_worker_lost(*args))
        return self._runs_again

    def _success_was_stored(self) -> Any:
        stored = super()._success_was_stored()
        self._succeeded = bool(stored)
        return stored

    def _end(self, error: BaseException) -> None:
        headers = {**self.request_dict, **(self.request_dict.get("headers") or {})}
        if self._runs_again or PLACE not in headers:
            return
        outcome = Outcome.SUCCEEDED if self._succeeded else Outcome.DIED
        message = from_headers(
            self.app, headers, self.delivery_info, task_id=self.id, name=self.type, args=tuple(self.args or ())
        )
        watch_of(client_of(self.app)).put(message, outcome, error)
