"""Tasks of a Celery app that count words, and what follows when all files are counted."""

import os
from pathlib import Path

from celery import Celery

from shiftboss.engines.celery import install

REDIS = os.environ.get("REDIS_URL", "redis://localhost:6379/0")

app = Celery("words", broker=REDIS, backend=REDIS)
app.conf.task_default_queue = "words"
install(app)


@app.task(autoretry_for=(OSError,), dont_autoretry_for=(FileNotFoundError,), max_retries=3, acks_late=True)
def count_words(path):
    return len(Path(path).read_text(encoding="utf-8", errors="replace").split())


class Report:
    """Called back when every file is counted, or when one cannot be."""

    def on_success(self, status, options):
        total = sum(app.AsyncResult(task_id).result for task_id in options["tasks"])
        Path(options["report"]).write_text(f"{total} words in {status.total} files\n", encoding="utf-8")

    def on_death(self, status, options):
        Path(options["report"]).write_text(f"{status.dead} of {status.total} files not counted\n", encoding="utf-8")
