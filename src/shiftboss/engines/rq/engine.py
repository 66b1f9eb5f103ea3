"""`RqEngine`: jobs are RQ's, in RQ's queues."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

from redis import Redis
from redis.exceptions import RedisError
from rq import Retry

from shiftboss.engine import KnownJob, NotPublished
from shiftboss.engines.rq.messages import KEPT, Kept, mark
from shiftboss.engines.rq.whereabouts import whereabouts
from shiftboss.jobs import Message
from shiftboss.plan import Plan, work

if TYPE_CHECKING:
    from shiftboss.engines.rq.queue import ShiftbossQueue

# What RQ calls for the jobs that features bring along, such as a batch's callbacks; the name is its first argument.
CARRIER = "shiftboss.engines.rq.carrying.carry"
# Seconds before the retries of such a job.
CALLBACK_INTERVALS = [min(15 * 2**count, 1800) for count in range(25)]
DEFAULT_QUEUE = "default"


class RqEngine:
    """The side of the engine that enqueues.

    Args:
        connection: The Redis of RQ.

    Example:
        >>> from fakeredis import FakeRedis
        >>> from shiftboss import Shiftboss
        >>> redis = FakeRedis()
        >>> client = Shiftboss("fake://doc", engine=RqEngine(redis))
        >>> client.perform(client.engine.enqueue([Message("math.sqrt", (4,), "low", "ab12")]))
        >>> redis.llen("rq:queue:low")
        1
    """

    name = "rq"
    joins_batches = False

    def __init__(self, connection: Redis) -> None:
        self.connection = connection

    def enqueue(self, messages: Sequence[Message]) -> Plan[None]:
        """Enqueue messages, those with `at` into RQ's schedule; all that can be in one transaction. One round trip for those.

        Raises:
            NotPublished: RQ's Redis cannot be reached, or RQ refuses a job or cannot serialize it; it names what was not
                enqueued.
        """
        yield from work(partial(self._enqueue, list(messages)))

    def known(self, name: str) -> KnownJob | None:
        """What this process knows of a function by its name: whether it takes no arguments. No round trip."""
        module, _, path = name.rpartition(".")
        try:
            return KnownJob.of(name, getattr(import_module(module), path), DEFAULT_QUEUE)
        except (ImportError, AttributeError, ValueError):
            return None

    def whereabouts(self, bids: frozenset[str]) -> Plan[dict[str, set[int]]]:
        """The positions of all members of some batches whose job RQ has. It reads every job of every queue."""
        return (yield from work(partial(whereabouts, self.connection, bids)))

    def _enqueue(self, messages: Sequence[Message]) -> None:
        with self.connection.pipeline() as pipeline:
            try:
                alone = [message for message in messages if not self._place(message, pipeline)]
                # What fails before the transaction is sent was surely not published; of what fails then, nobody knows.
                if pipeline.connection is None:
                    pipeline.connection = pipeline.connection_pool.get_connection()
            except Exception as error:
                raise _not_published(messages, messages, error) from error
            pipeline.execute()
        for number, message in enumerate(alone):
            try:
                self._place(message, None)
            except (RedisError, OSError):
                raise
            except Exception as error:
                raise _not_published(alone[number:], messages, error) from error

    def _place(self, message: Message, pipeline: Any) -> bool:
        """Enqueue a job with others in a pipeline, or without one; False if it cannot be with others."""
        kept = self._kept(message)
        job, queue = kept.job, kept.queue
        alone = kept.unique or queue.is_sync or job._dependency_ids or _is_limited(job)
        if pipeline is not None and (alone or not queue.is_on(self.connection)):
            return False
        mark(job, message)
        if message.at is not None:
            when = datetime.fromtimestamp(message.at, UTC)
            queue.schedule_as_it_is(job, when, pipeline=pipeline, unique=kept.unique)
        else:
            queue.enqueue_as_it_is(job, pipeline=pipeline, at_front=kept.at_front, unique=kept.unique)
        return True

    def _kept(self, message: Message) -> Kept:
        kept = message.options.get(KEPT)
        if isinstance(kept, Kept):
            return kept
        queue = self._queue(message.queue)
        carried = not _is_path(message.name)
        job = queue.create_job(
            CARRIER if carried else message.name,
            args=(message.name, *message.args) if carried else message.args,
            job_id=message.id,
            retry=Retry(max=len(CALLBACK_INTERVALS), interval=CALLBACK_INTERVALS) if carried else None,
            result_ttl=0 if carried else None,
            description=message.name,
        )
        return Kept(job, queue)

    def _queue(self, name: str) -> ShiftbossQueue:
        from shiftboss.engines.rq.queue import ShiftbossQueue

        return ShiftbossQueue(name, connection=self.connection)


def _not_published(left: Sequence[Message], messages: Sequence[Message], error: Exception) -> NotPublished:
    ids = [message.id for message in left]
    return NotPublished(f"{len(ids)} of {len(messages)} jobs were not enqueued: {error}", ids)


def _is_limited(job: Any) -> bool:
    """Whether RQ's own rate limit holds it, which a pipeline cannot do. From RQ 3 on."""
    return bool(getattr(job, "has_rate_limit", False))


def _is_path(name: str) -> bool:
    """Whether a name is that of a function; what features bring along has names of our own."""
    return not name.startswith("shiftboss.")
