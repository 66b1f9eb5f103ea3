import redis
import rq
from counting import URL, tick


def noop() -> None:
    tick()


def push(count: int) -> None:
    queue = rq.Queue("bench", connection=redis.Redis.from_url(URL))
    for _ in range(count):
        queue.enqueue("rq_app.noop", result_ttl=0)
