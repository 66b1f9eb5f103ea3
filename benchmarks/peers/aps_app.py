import os

import redis
from apscheduler.schedulers.blocking import BlockingScheduler

store = redis.Redis.from_url(os.environ["BENCH_REDIS"])


def tick() -> None:
    store.lpush("ticks", "tick")


scheduler = BlockingScheduler()
scheduler.add_jobstore("redis", host="127.0.0.1", port=store.connection_pool.connection_kwargs["port"])
scheduler.add_job(tick, "cron", second="*", id="tick", replace_existing=True)
scheduler.start()
