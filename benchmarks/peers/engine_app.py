"""A job that does nothing on the engine that BENCH_ENGINE names: alone or, with BENCH_BATCHED, in a batch. With BENCH_CALLBACK
something is called when all have run: by the batch, or by what the engine has for that.
"""

import asyncio
import os

import redis
from counting import CALLED_BACK, URL, tell, tick

from shiftboss.batches import Batch


def run() -> None:
    tick()


def call(*_: object) -> None:
    tell()


ENGINE, BATCHED = os.environ["BENCH_ENGINE"], "BENCH_BATCHED" in os.environ

if ENGINE == "celery":
    from celery import Celery

    own = CALLED_BACK and not BATCHED
    app = Celery("bench", broker=URL, backend=URL if own else None)
    app.conf.update(worker_prefetch_multiplier=64, task_ignore_result=not own)
    if BATCHED:
        from shiftboss.engines.celery import install

        install(app)
    noop, called = app.task(name="noop")(run), app.task(name="called")(call)
elif ENGINE == "dramatiq":
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker
    from dramatiq.middleware import GroupCallbacks
    from dramatiq.rate_limits.backends import RedisBackend

    broker = RedisBroker(url=URL)
    if CALLED_BACK and not BATCHED:
        broker.add_middleware(GroupCallbacks(RedisBackend(url=URL)))
    dramatiq.set_broker(broker)
    if BATCHED:
        from shiftboss.engines.dramatiq import install

        install(broker)
    noop, called = dramatiq.actor(actor_name="noop")(run), dramatiq.actor(actor_name="called")(call)
elif ENGINE == "rq":
    import rq

    from shiftboss.engines.rq import ShiftbossQueue, install

    connection = redis.Redis.from_url(URL)
    if BATCHED:
        install(connection)
    queue = (ShiftbossQueue if BATCHED else rq.Queue)("default", connection=connection)
elif ENGINE == "taskiq":
    from taskiq_redis import RedisStreamBroker

    broker = RedisStreamBroker(URL)
    if BATCHED:
        from shiftboss.engines.taskiq import install

        install(broker)

    @broker.task(task_name="noop")
    async def noop() -> None:
        tick()
else:
    from shiftboss import job

    noop = job(name="noop")(run)


def push(count: int) -> None:
    if ENGINE == "taskiq":
        asyncio.run(apush(count))
    elif BATCHED:
        with new_batch().jobs():
            push_all(count)
    elif CALLED_BACK:
        push_called_back(count)
    else:
        push_all(count)


def new_batch() -> Batch:
    return Batch().on("success", "engine_app:call") if CALLED_BACK else Batch()


def push_called_back(count: int) -> None:
    """By the engine's own means."""
    if ENGINE == "celery":
        from celery import chord

        chord([noop.si() for _ in range(count)])(called.si())
    elif ENGINE == "dramatiq":
        group = dramatiq.group([noop.message() for _ in range(count)])
        group.add_completion_callback(called.message())
        group.run()
    else:
        jobs = queue.enqueue_many([rq.Queue.prepare_data(run) for _ in range(count)])
        queue.enqueue(call, depends_on=jobs)


def push_all(count: int) -> None:
    if ENGINE == "sidekiq":
        noop.perform_bulk(() for _ in range(count))
        return
    for _ in range(count):
        if ENGINE == "celery":
            noop.delay()
        elif ENGINE == "dramatiq":
            noop.send()
        else:
            queue.enqueue(run, result_ttl=0)


async def apush(count: int) -> None:
    await broker.startup()
    if BATCHED:
        from shiftboss import current_client

        async with new_batch().jobs():
            for _ in range(count):
                await noop.kiq()
        await current_client().aclose()
    else:
        for _ in range(count):
            await noop.kiq()
    await broker.shutdown()
