"""A job that does nothing on the engine that BENCH_ENGINE names, alone or, with BENCH_BATCHED, in a batch."""

import asyncio
import os

import redis
from counting import URL, tick


def run() -> None:
    tick()


ENGINE, BATCHED = os.environ["BENCH_ENGINE"], "BENCH_BATCHED" in os.environ

if ENGINE == "celery":
    from celery import Celery

    app = Celery("bench", broker=URL)
    app.conf.update(worker_prefetch_multiplier=64, task_ignore_result=True)
    if BATCHED:
        from shiftboss.engines.celery import install

        install(app)
    noop = app.task(name="noop")(run)
elif ENGINE == "dramatiq":
    import dramatiq
    from dramatiq.brokers.redis import RedisBroker

    broker = RedisBroker(url=URL)
    dramatiq.set_broker(broker)
    if BATCHED:
        from shiftboss.engines.dramatiq import install

        install(broker)
    noop = dramatiq.actor(actor_name="noop")(run)
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
        from shiftboss.batches import Batch

        with Batch().jobs():
            push_all(count)
    else:
        push_all(count)


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
        from shiftboss.batches import Batch

        async with Batch().jobs():
            for _ in range(count):
                await noop.kiq()
        await current_client().aclose()
    else:
        for _ in range(count):
            await noop.kiq()
    await broker.shutdown()
