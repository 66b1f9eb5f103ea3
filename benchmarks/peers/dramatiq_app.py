import dramatiq
from counting import URL, tick
from dramatiq.brokers.redis import RedisBroker

dramatiq.set_broker(RedisBroker(url=URL, middleware=[]))


@dramatiq.actor
def noop() -> None:
    tick()


def push(count: int) -> None:
    for _ in range(count):
        noop.send()
