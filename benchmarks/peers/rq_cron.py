from rq import cron


def tick() -> None: ...


cron.register(tick, queue_name="ticks", interval=1)
