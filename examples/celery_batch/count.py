"""Count the words of files on Celery workers: python count.py REPORT FILE..."""

import sys
from uuid import uuid4

from tasks import Report, count_words

from shiftboss.batches import Batch

report, *paths = sys.argv[1:]
ids = {str(uuid4()): path for path in paths}
options = {"report": report, "tasks": list(ids)}
batch = Batch(description="Words").on("success", Report, options).on("death", Report, options)
with batch.jobs():
    for task_id, path in ids.items():
        count_words.apply_async([path], task_id=task_id)
status = batch.join(timeout=60, event="finished", progress=True)
print(f"{status.done} of {status.total} files counted; the callback writes {report}")
