"""Where the members of batches are: in a queue of RQ's, or in one of the registries beside it."""

from __future__ import annotations

from collections.abc import Iterator

from redis import Redis
from rq import Queue
from rq.job import Job

from shiftboss.engines.rq.messages import place_of
from shiftboss.jobs import Member

PAGE = 500


def whereabouts(connection: Redis, bids: frozenset[str]) -> dict[str, set[int]]:
    """The positions of all members of some batches whose job RQ has, failed ones too. Places are read in the order in which jobs
    go through them, and those that jobs return to once more.
    """
    found: dict[str, set[int]] = {}
    for queue in Queue.all(connection=connection):
        ids = list(dict.fromkeys(_ids(queue)))
        for start in range(0, len(ids), PAGE):
            for job in Job.fetch_many(ids[start : start + PAGE], connection, queue.serializer):
                place = job and place_of(job)
                if isinstance(place, Member) and place.bid in bids:
                    found.setdefault(place.bid, set()).add(place.position)
    return found


def _ids(queue: Queue) -> Iterator[str]:
    waiting = (queue.deferred_job_registry, queue.scheduled_job_registry)
    for registry in waiting:
        yield from registry.get_job_ids(cleanup=False)
    yield from queue.get_job_ids()
    yield from queue.intermediate_queue.get_job_ids()
    for registry in (queue.started_job_registry, queue.failed_job_registry, *waiting):
        yield from registry.get_job_ids(cleanup=False)
    yield from queue.get_job_ids()
