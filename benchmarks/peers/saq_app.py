import asyncio

import saq
from counting import URL, tick

queue = saq.Queue.from_url(URL, name="bench")


async def noop(_: object) -> None:
    tick()


settings = {"queue": queue, "functions": [noop], "concurrency": 10}


def push(count: int) -> None:
    async def main() -> None:
        await queue.connect()
        for _ in range(count):
            await queue.enqueue("noop", timeout=0, retries=1)
        await queue.disconnect()

    asyncio.run(main())
