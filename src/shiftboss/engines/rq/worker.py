"""`ShiftbossWorker`: RQ's worker for jobs in batches."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from typing import Any

from redis import Redis
from rq import Queue, SimpleWorker, Worker
from rq.job import Job
from rq.worker import BaseWorker

from shiftboss.engines.rq.installing import install
from shiftboss.engines.rq.job import ShiftbossJob
from shiftboss.engines.rq.queue import ShiftbossQueue
from shiftboss.watch import watch_of

# Seconds between two looks whether the worker is still there.
LOOK = 0.5


class _Looking(BaseWorker):
    """What both workers do beside RQ's: they make our jobs, settle batches when a job has ended, and have a process of their
    own that looks after what others left behind.
    """

    def __init__(self, queues: Any, *args: Any, **options: Any) -> None:
        queue_class = options["queue_class"] = _ours(options.get("queue_class"), ShiftbossQueue)
        job_class = options["job_class"] = _ours(options.get("job_class"), ShiftbossJob)
        given = queues if isinstance(queues, (list, tuple)) else [queues]
        ours = [_converted(queue, queue_class, job_class) for queue in given]
        super().__init__(ours, *args, **options)
        self._watch: Any = None

    def work(self, burst: bool = False, *args: Any, **options: Any) -> bool:
        """As RQ's."""
        install(self.connection)
        if not burst:
            self._watch = multiprocessing.get_context("fork").Process(
                target=_look_after, args=(self.connection, os.getpid()), name="shiftboss-watch", daemon=True
            )
            self._watch.start()
        try:
            return bool(super().work(burst, *args, **options))
        finally:
            if self._watch is not None:
                self._watch.terminate()
                self._watch.join(5)

    def handle_job_success(self, job: Job, *args: Any, **options: Any) -> None:
        """As RQ's, and the batch goes on."""
        super().handle_job_success(job, *args, **options)
        _settle(job)

    def handle_job_failure(self, job: Job, *args: Any, **options: Any) -> None:
        """As RQ's, and the batch goes on."""
        super().handle_job_failure(job, *args, **options)
        _settle(job)

    def handle_job_retry(self, job: Job, *args: Any, **options: Any) -> None:
        """As RQ's, and the batch goes on."""
        super().handle_job_retry(job, *args, **options)
        _settle(job)


class ShiftbossWorker(_Looking, Worker):
    """RQ's worker, which runs each job in a process of its own. ``rq worker -w shiftboss.engines.rq.ShiftbossWorker``."""


class ShiftbossSimpleWorker(_Looking, SimpleWorker):
    """RQ's worker that runs jobs in its own process."""


def _ours(chosen: Any, ours: Any) -> Any:
    return chosen if isinstance(chosen, type) and issubclass(chosen, ours) else ours


def _converted(queue: Any, queue_class: Any, job_class: Any) -> Any:
    """A queue of ours in the place of one of RQ's; a name as it is."""
    if not isinstance(queue, Queue) or isinstance(queue, ShiftbossQueue):
        return queue
    return queue_class(queue.name, connection=queue.connection, job_class=job_class, serializer=queue.serializer)


def _settle(job: Job) -> None:
    if isinstance(job, ShiftbossJob):
        job.settle()


def _look_after(connection: Redis, worker: int) -> None:
    """Reap until the worker is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    watch = watch_of(install(connection))
    watch.serve()
    while os.getppid() == worker:
        time.sleep(LOOK)
    watch.stop(LOOK)
