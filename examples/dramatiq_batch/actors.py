"""Actors that count words, and what follows when all files are counted."""

import os
from pathlib import Path

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from shiftboss.batches import report
from shiftboss.engines.dramatiq import install

broker = RedisBroker(url=os.environ.get("REDIS_URL", "redis://localhost:6379/0"))
dramatiq.set_broker(broker)
install(broker)


@dramatiq.actor(queue_name="words", max_retries=3, throws=FileNotFoundError)
def count_words(path):
    report(len(Path(path).read_text(encoding="utf-8", errors="replace").split()))


class Report:
    """Called back when every file is counted, or when one cannot be."""

    def on_success(self, status, options):
        total = sum(status.results())
        Path(options["report"]).write_text(f"{total} words in {status.total} files\n", encoding="utf-8")

    def on_death(self, status, options):
        Path(options["report"]).write_text(f"{status.dead} of {status.total} files not counted\n", encoding="utf-8")
