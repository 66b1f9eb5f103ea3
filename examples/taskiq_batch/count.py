"""Count the words of files on taskiq workers: python count.py REPORT FILE..."""

import asyncio
import sys

from tasks import Report, broker, count_words

from shiftboss import current_client
from shiftboss.batches import Batch


async def main(report, *paths):
    await broker.startup()
    options = {"report": report}
    batch = Batch(description="Words", results=True).on("success", Report, options).on("death", Report, options)
    async with batch.jobs():
        for path in paths:
            await count_words.kiq(path)
    status = await batch.ajoin(timeout=60, event="finished", progress=True)
    print(f"{status.done} of {status.total} files counted; the callback writes {report}")
    await broker.shutdown()
    await current_client().aclose()


asyncio.run(main(*sys.argv[1:]))
