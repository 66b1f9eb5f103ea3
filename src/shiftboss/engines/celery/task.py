"""`ShiftbossTask`: the base of tasks that can be members and callbacks of batches."""

from __future__ import annotations

import sys
from contextvars import Context
from typing import Any, NoReturn

from celery import Signature, Task
from celery.canvas import _chain, _chord, group
from celery.exceptions import Ignore, Reject, Retry

from shiftboss.endings import Requeue
from shiftboss.engines.celery.clients import client_of
from shiftboss.engines.celery.collecting import collect
from shiftboss.engines.celery.messages import arrived
from shiftboss.errors import JobError
from shiftboss.extension import Reschedule
from shiftboss.jobs import OPTIONS, PLACE, CurrentJob, Outcome, current_job, running
from shiftboss.reporting import letting_go, put_back_of, starting, tell
from shiftboss.trusted import trust

TOLD = "shiftboss_told"


class PutBack(Ignore):  # type: ignore[misc]
    """The same task runs again later, or something else in its place: this was no run of it."""


class ShiftbossTask(Task):  # type: ignore[misc]
    """A task that knows its batch and tells it how it ended. `install` makes it the base of an app's tasks.

    ``Celery(task_cls="shiftboss.engines.celery:ShiftbossTask")`` does the same when the first task is made, with the
    configured client or one from the environment.
    """

    abstract = True
    reports_outcome = True
    Request = "shiftboss.engines.celery.request:ShiftbossRequest"

    @classmethod
    def on_bound(cls, app: Any) -> None:
        """Let callbacks be called that live beside the task. An app made with this base installs itself here."""
        from shiftboss.engines.celery.installing import install

        install(app)
        if cls.__module__.partition(".")[0] not in {"celery", "shiftboss"}:
            trust(cls.__module__)
        super().on_bound(app)

    @property
    def job_name(self) -> str:
        """What batches know it by, as a callback."""
        return str(self.name)

    def perform_async(self, *args: Any) -> Any:
        """As `delay`, by the name that jobs of the other engines have for it."""
        return self.delay(*args)

    def apply_async(
        self,
        args: Any = None,
        kwargs: Any = None,
        task_id: str | None = None,
        producer: Any = None,
        link: Any = None,
        link_error: Any = None,
        shadow: str | None = None,
        **options: Any,
    ) -> Any:
        """As Celery's; inside ``with batch.jobs():`` it is published when the block ends."""
        given = {"task_id": task_id, "link": link, "link_error": link_error, "shadow": shadow, **options}
        if self.app.conf.task_always_eager:
            kept = collect(client_of(self.app), self.app, self.name, args, kwargs, given, self.AsyncResult)
            if kept is not None:
                return kept
        return super().apply_async(args, kwargs, producer=producer, **given)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        request, job = self.request, current_job()
        if request.called_directly or (job is not None and job.jid == request.id):
            return super().__call__(*args, **kwargs)
        client, message = client_of(self.app), arrived(self.app, request, self.name)
        if not client.perform(starting(client, message)):
            return None
        try:
            with client, running(CurrentJob(message.id, message.queue, message, request.retries)):
                return self.run(*args, **kwargs)
        except (PutBack, Retry):
            raise
        except Reject as error:
            # What was acknowledged early does not come back, whatever it asks for.
            if error.requeue and self.acks_late:
                client.perform(letting_go(client, message))
            else:
                self.report_outcome(Outcome.DIED, error)
            raise
        except Ignore:
            # The task wants no result to be kept of it. It has run, and will not run again.
            self.report_outcome(Outcome.SUCCEEDED)
            raise
        except (Requeue, Exception) as error:
            self._put_back_if_asked(error)
            raise

    def retry(self, args: Any = None, kwargs: Any = None, exc: Any = None, throw: bool = True, **options: Any) -> Any:
        """As Celery's, unless the error means that the task was over a limit: then it is put back, and none is used up."""
        request = self.request
        if exc is not None and not request.called_directly:
            self._put_back_if_asked(exc)
            # What counts refusals in a row has no place in a run that got through.
            if OPTIONS in (request.headers or {}) and "headers" not in options:
                headers = request.as_execution_options()["headers"]
                options["headers"] = {key: value for key, value in headers.items() if key != OPTIONS}
        return super().retry(args, kwargs, exc, throw, **options)

    def replace(self, sig: Signature) -> Any:
        """As Celery's; the place in a batch goes over to the task that replaces this one.

        Raises:
            JobError: Several tasks shall replace a member; nobody could say which of them is the member then.
        """
        headers = self.request.headers or {}
        if PLACE in headers:
            if isinstance(sig, (_chain, _chord, group)):
                raise JobError(f"task {self.name} is in a batch; only one task can replace it, not {sig!r}")
            sig.set(headers={**(sig.options.get("headers") or {}), PLACE: headers[PLACE]})
        try:
            return super().replace(sig)
        except Ignore as error:
            raise PutBack(*error.args) from None

    def on_success(self, retval: Any, task_id: str, args: Any, kwargs: Any) -> None:
        super().on_success(retval, task_id, args, kwargs)
        if not self.report_outcome(Outcome.SUCCEEDED) and self.acks_late:
            raise Reject("its batch could not be told", requeue=True)

    def on_failure(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        super().on_failure(exc, task_id, args, kwargs, einfo)
        self.report_outcome(Outcome.DIED, exc)

    def on_retry(self, exc: Any, task_id: str, args: Any, kwargs: Any, einfo: Any) -> None:
        super().on_retry(exc, task_id, args, kwargs, einfo)
        # Without an error of the task's own, the retry is what it raised.
        self.report_outcome(Outcome.FAILED, exc or sys.exc_info()[1])

    def report_outcome(self, outcome: Outcome, error: BaseException | None = None) -> bool:
        """Say how this run ended, once; whether that is known now. Only where it ran: see `ShiftbossRequest` for others."""
        request = self.request
        if request.called_directly or getattr(request, TOLD, False) or PLACE not in (request.headers or {}):
            return True
        setattr(request, TOLD, True)
        return tell(client_of(self.app), arrived(self.app, request, self.name), outcome, error)

    def _put_back_if_asked(self, error: BaseException) -> None:
        if self.request.is_eager:
            return
        client, message = client_of(self.app), arrived(self.app, self.request, self.name)
        later = put_back_of(client, message, error)
        if later is not None:
            client.perform(letting_go(client, message))
            self._put_back(later)

    def _put_back(self, later: Reschedule) -> NoReturn:
        request = self.request
        headers = {**request.as_execution_options()["headers"], OPTIONS: dict(later.options)}
        same = self.signature_from_request(
            request, countdown=later.delay, retries=request.retries, headers=headers, add_to_parent=False
        )
        try:
            # In a context of its own, where no jobs block is open that would keep it.
            Context().run(same.apply_async)
        except Exception as error:
            raise Reject(error, requeue=True) from error
        raise PutBack(f"put back for {later.delay:.1f} s")
