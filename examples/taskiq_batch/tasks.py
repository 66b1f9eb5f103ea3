"""Tasks that count words, and what follows when all files are counted."""

import asyncio
import os
from pathlib import Path

from taskiq_redis import RedisStreamBroker

from shiftboss.batches import areport
from shiftboss.engines.taskiq import install

broker = RedisStreamBroker(os.environ.get("REDIS_URL", "redis://localhost:6379/0"))
install(broker)


@broker.task
async def count_words(path):
    text = await asyncio.to_thread(Path(path).read_text, encoding="utf-8", errors="replace")
    await areport(len(text.split()))


class Report:
    """Called back when every file is counted, or when one cannot be."""

    def on_success(self, status, options):
        total = sum(status.results())
        Path(options["report"]).write_text(f"{total} words in {status.total} files\n", encoding="utf-8")

    def on_death(self, status, options):
        Path(options["report"]).write_text(f"{status.dead} of {status.total} files not counted\n", encoding="utf-8")
