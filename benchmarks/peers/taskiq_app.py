import asyncio

from counting import URL, tick
from taskiq_redis import ListQueueBroker

broker = ListQueueBroker(URL)


@broker.task
async def noop() -> None:
    tick()


def push(count: int) -> None:
    async def main() -> None:
        await broker.startup()
        for _ in range(count):
            await noop.kiq()
        await broker.shutdown()

    asyncio.run(main())
