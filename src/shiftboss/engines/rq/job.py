"""`ShiftbossJob`: a job that knows its batch, and tells it how it ended in the transaction in which RQ writes that down."""

from __future__ import annotations

import math
from typing import Any

from rq import Retry
from rq.job import Job, JobStatus

from shiftboss.client import Shiftboss
from shiftboss.endings import Requeue
from shiftboss.engines.rq.installing import install, label_of
from shiftboss.engines.rq.messages import FAILURES, arrived
from shiftboss.errors import JobError
from shiftboss.extension import Reschedule
from shiftboss.jobs import OPTIONS, CurrentJob, Outcome, running
from shiftboss.outbox import GRACE, PAGE, claim, perform
from shiftboss.plan import run
from shiftboss.reporting import put_back_of, tell, wanting
from shiftboss.trusted import trust_any

# How often RQ lets a job return `Retry`: a job that is put back uses none of its own retries.
EVER = 1_000_000_000


class ShiftbossJob(Job):
    """RQ's job. `ShiftbossQueue` and `ShiftbossWorker` make it themselves."""

    _error: BaseException | None = None
    _later: Reschedule | None = None
    _outbox = ""

    @property
    def job_name(self) -> str:
        """What batches know it by, as a callback."""
        return str(self.func_name)

    @property
    def client(self) -> Shiftboss:
        """Where its batch lives."""
        return install(self.connection)

    def perform(self) -> Any:
        """Run it as the current job, unless it is not wanted any more."""
        client, message = self.client, arrived(self)
        if not client.perform(wanting(client, message)):
            return None
        trust_any()  # RQ has imported what the job names by now, whatever that is
        try:
            with client, running(CurrentJob(message.id, message.queue, message, message.attempt)):
                return super().perform()
        except (Requeue, Exception) as error:
            self._error = error
            later = put_back_of(client, message, error)
            if later is None or self.worker_name == "sync":
                raise
            return self._put_back(later)

    def settle(self) -> None:
        """Do what its end has set off in its batch, if nobody has. After the transaction that wrote the end down."""
        out, self._outbox = self._outbox, ""
        if out:
            client = self.client
            items = client.perform(run(claim(out, GRACE, PAGE, 0)))
            client.perform(perform(client, out, items))

    def retry(self, queue: Any, pipeline: Any) -> None:
        """RQ: it has failed, and will run again."""
        self._record(Outcome.FAILED, pipeline)
        self.meta[FAILURES] = self.meta.get(FAILURES, 0) + 1
        super().retry(queue, pipeline)

    def set_status(self, status: JobStatus, pipeline: Any = None) -> None:
        """RQ: what has become of it. That it was stopped or cancelled is told here only."""
        super().set_status(status, pipeline)
        if status in {JobStatus.STOPPED, JobStatus.CANCELED}:
            self._error = JobError(f"job {self.id} was {status.value}")
            self._record(Outcome.DIED, pipeline)

    def cleanup(self, ttl: int | None = None, pipeline: Any = None, remove_from_queue: bool = True) -> None:
        """RQ: for how long it is kept. Of a job whose result is not kept, this is all that is heard of its success."""
        # Only a success leaves it in the queue; RQ 2 has not set its status by then. A synchronous queue has.
        if ttl == 0 and (not remove_from_queue or self._status == JobStatus.FINISHED):
            self._record(Outcome.SUCCEEDED, pipeline)
        super().cleanup(ttl, pipeline, remove_from_queue)

    def _handle_success(self, result_ttl: Any, pipeline: Any, *args: Any, **facts: Any) -> None:
        super()._handle_success(result_ttl, pipeline, *args, **facts)
        self._record(Outcome.SUCCEEDED, pipeline)

    def _handle_failure(self, exc_string: str, pipeline: Any, *args: Any, **facts: Any) -> None:
        super()._handle_failure(exc_string, pipeline, *args, **facts)
        if self._error is None:
            self._error = JobError(exc_string.strip().rpartition("\n")[2])
        self._record(Outcome.DIED, pipeline)

    def _handle_retry_result(self, queue: Any, pipeline: Any, *args: Any, **facts: Any) -> None:
        if self._later is None:
            self._record(Outcome.FAILED, pipeline)
        super()._handle_retry_result(queue, pipeline, *args, **facts)

    def _put_back(self, later: Reschedule) -> Retry:
        """What makes RQ run the same job later."""
        self._later = later
        self.meta[OPTIONS] = dict(later.options)
        return Retry(max=EVER, interval=math.ceil(later.delay))

    def _record(self, outcome: Outcome, pipeline: Any) -> None:
        """Write its outcome down: in RQ's transaction, where that is on the same Redis and a place in a batch all that counts."""
        client, message = self.client, arrived(self)
        if message.batch is None:
            return
        recordings = [extension.recording(message, outcome, self._error) for extension in client.extensions.values()]
        recording = next(filter(None, recordings), None)
        if recording is None or pipeline is None or client.server.label != label_of(self.connection):
            tell(client, message, outcome, self._error)
            return
        pipeline.execute_command(*recording.call.words(whole=True))
        self._outbox = recording.out
