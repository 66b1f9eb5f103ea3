"""`ShiftbossQueue`: a queue whose jobs can be members of batches."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from redis import Redis
from rq import Queue
from rq.job import Job

from shiftboss.engines.rq.installing import install, label_of
from shiftboss.engines.rq.job import ShiftbossJob
from shiftboss.engines.rq.messages import Kept, place_of, to_message


class ShiftbossQueue(Queue):
    """RQ's queue; what is enqueued inside ``with batch.jobs():``, in whatever way, is enqueued when the block ends.

    Args:
        name: As RQ's, and all others too.
    """

    job_class = ShiftbossJob

    def __init__(self, name: str = "default", *args: Any, **options: Any) -> None:
        chosen = options.get("job_class")
        if not (isinstance(chosen, type) and issubclass(chosen, ShiftbossJob)):
            options["job_class"] = ShiftbossJob
        super().__init__(name, *args, **options)

    @property
    def is_sync(self) -> bool:
        """Whether it runs jobs here and now."""
        return not self._is_async

    def is_on(self, connection: Redis) -> bool:
        """Whether it is on that Redis. No round trip."""
        return label_of(self.connection) == label_of(connection)

    def enqueue_job(self, job: Job, pipeline: Any = None, at_front: bool = False, unique: bool = False) -> Job:
        """As RQ's; an open block keeps it."""
        if self._keeps(Kept(job, self, at_front, unique), None):
            return job
        return self.enqueue_as_it_is(job, pipeline=pipeline, at_front=at_front, unique=unique)

    def schedule_job(self, job: Job, datetime: datetime, pipeline: Any = None, unique: bool = False) -> Job:
        """As RQ's; an open block keeps it."""
        if self._keeps(Kept(job, self, unique=unique), datetime.timestamp()):
            return job
        return self.schedule_as_it_is(job, datetime, pipeline=pipeline, unique=unique)

    def enqueue_many(self, job_datas: Iterable[Any], pipeline: Any = None, group_id: str | None = None) -> list[Job]:
        """As RQ's; an open block keeps them."""
        if not install(self.connection).keeps_pushes():
            return super().enqueue_many(job_datas, pipeline, group_id)
        jobs = []
        for data in job_datas:
            said = data._asdict()
            at_front = said.pop("at_front")
            jobs.append(self.enqueue_job(self.create_job(**said, group_id=group_id), at_front=at_front))
        return jobs

    def enqueue_as_it_is(self, job: Job, **options: Any) -> Job:
        """RQ's `enqueue_job`: no block keeps it."""
        return super().enqueue_job(job, **{name: value for name, value in options.items() if value})

    def schedule_as_it_is(self, job: Job, when: datetime, **options: Any) -> Job:
        """RQ's `schedule_job`: no block keeps it."""
        return super().schedule_job(job, when, **{name: value for name, value in options.items() if value})

    def run_sync(self, job: Job) -> Job:
        """As RQ's; what the job's end brings about is done at once."""
        job = super().run_sync(job)
        if isinstance(job, ShiftbossJob):
            job.settle()
        return job

    def _keeps(self, kept: Kept, at: float | None) -> bool:
        if not isinstance(kept.job, ShiftbossJob) or place_of(kept.job) is not None:
            return False
        client = install(self.connection)
        return not client.perform(client.pushing([to_message(kept, at)]))
