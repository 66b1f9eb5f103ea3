import os

import celery

app = celery.Celery("beats", broker=os.environ["BENCH_REDIS"])
app.conf.update(
    beat_schedule={"tick": {"task": "tick", "schedule": 1.0}},
    redbeat_redis_url=os.environ["BENCH_REDIS"],
    # As often as its documentation has it for a short failover; the default waits 25 minutes for a dead one's lock.
    redbeat_lock_timeout=5,
    beat_max_loop_interval=1,
)


@app.task(name="tick")
def tick() -> None: ...
