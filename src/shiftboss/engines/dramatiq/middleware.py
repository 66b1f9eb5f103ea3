"""`ShiftbossMiddleware`: tells batches how messages ended, and looks after what was left behind."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import Any, NoReturn

import dramatiq
from dramatiq.errors import Retry
from dramatiq.middleware import Middleware, Shutdown, SkipMessage

from shiftboss.client import Shiftboss
from shiftboss.endings import Requeue
from shiftboss.engines.dramatiq.engine import DramatiqEngine
from shiftboss.engines.dramatiq.messages import arrived, place_of
from shiftboss.errors import JobError
from shiftboss.extension import Reschedule
from shiftboss.jobs import OPTIONS, CurrentJob, Message, Outcome, current_job, running
from shiftboss.later import Promoter
from shiftboss.reporting import letting_go, put_back_of, starting, tell
from shiftboss.trusted import trust
from shiftboss.watch import watch_of

# Seconds that the last reports may take at a stop.
LAST = 5.0
# The attribute of a delivery that says what was run, and what it raised.
RAN = "shiftboss_ran"


class PutBack(SkipMessage):
    """The same message runs again later: this was no run of it."""


class ShiftbossMiddleware(Middleware):
    """Use `install`, which adds it.

    A run's end is known when Dramatiq has decided what becomes of the message: it is acknowledged (a success, or a retry was
    enqueued) or rejected (it will not run again).

    Args:
        client: Where the batches live.
        engine: What publishes again what is put back.
    """

    def __init__(self, client: Shiftboss, engine: DramatiqEngine) -> None:
        self._client = client
        self._engine = engine
        self._here = threading.local()

    def after_declare_actor(self, broker: dramatiq.Broker, actor: dramatiq.Actor[Any, Any]) -> None:  # noqa: ARG002
        """Run actors as current jobs, and let callbacks be called that live beside them."""
        module = actor.fn.__module__ or ""
        if module.partition(".")[0] not in {"dramatiq", "shiftboss"}:
            trust(module)
        actor.job_name = actor.actor_name  # type: ignore[attr-defined]  # what batches know it by, as a callback
        actor.perform_async = actor.send  # type: ignore[attr-defined]
        actor.fn = self._as_job(actor.fn)

    def before_process_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:  # noqa: ARG002
        self._here.message = message

    def after_process_message(
        self,
        broker: dramatiq.Broker,  # noqa: ARG002
        message: dramatiq.MessageProxy,
        *,
        result: Any = None,  # noqa: ARG002
        exception: BaseException | None = None,
    ) -> None:
        self._here.message = None
        if place_of(message) is None:
            return
        # Kept with this delivery: another one of the same message may run here at the same time.
        setattr(message, RAN, (arrived(message), exception))
        if isinstance(exception, Shutdown):
            # Before it is enqueued again: nobody runs it then.
            self._client.perform(letting_go(self._client, arrived(message)))

    def after_skip_message(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:  # noqa: ARG002
        """Somebody skips a message: it will not run, unless it was us and it is put back."""
        skipped_by_us, self._here.put_back, self._here.message = getattr(self._here, "put_back", False), False, None
        if not skipped_by_us and not message.failed and place_of(message) is not None:
            tell(self._client, arrived(message), Outcome.DIED, SkipMessage("skipped by a middleware"))

    def before_ack(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:  # noqa: ARG002
        ran, error = vars(message).pop(RAN, (None, None))
        if ran is not None and not isinstance(error, Shutdown):
            tell(self._client, ran, Outcome.SUCCEEDED if error is None else Outcome.FAILED, error)

    def before_nack(self, broker: dramatiq.Broker, message: dramatiq.MessageProxy) -> None:  # noqa: ARG002
        if place_of(message) is not None:
            ran, error = vars(message).pop(RAN, None) or (arrived(message), message._exception)
            tell(self._client, ran, Outcome.DIED, error or JobError("somebody called its message.fail()"))

    def after_worker_boot(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002
        watch_of(self._client).serve(Promoter(self._client, self._engine.name, self._engine.promote))

    def before_worker_shutdown(self, broker: dramatiq.Broker, worker: dramatiq.Worker) -> None:  # noqa: ARG002
        watch_of(self._client).stop(LAST)

    def _as_job(self, run: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(run)
        def as_job(*args: Any, **kwargs: Any) -> Any:
            delivered, job = getattr(self._here, "message", None), current_job()
            if delivered is None or (job is not None and job.jid == delivered.message_id):
                return run(*args, **kwargs)
            message = arrived(delivered)
            if not self._client.perform(starting(self._client, message)):
                return None
            current = CurrentJob(message.id, message.queue, message, message.attempt)
            try:
                with self._client, running(current):
                    return run(*args, **kwargs)
            except (Retry, SkipMessage):
                raise
            except (Requeue, Exception) as error:
                self._put_back_if_asked(delivered, message, error)
                raise

        return as_job

    def _put_back_if_asked(self, delivered: dramatiq.MessageProxy, message: Message, error: BaseException) -> None:
        later = put_back_of(self._client, message, error)
        if later is not None:
            self._client.perform(letting_go(self._client, message))
            self._put_back(delivered, later)

    def _put_back(self, delivered: dramatiq.MessageProxy, later: Reschedule) -> NoReturn:
        same = delivered.copy(options={OPTIONS: dict(later.options)})
        self._engine.publish(same, round(later.delay * 1000) or None)
        self._here.put_back = True
        raise PutBack(f"put back for {later.delay:.1f} s")
