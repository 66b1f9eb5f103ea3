"""Count the words of files on RQ workers: python count.py REPORT FILE..."""

import sys

from jobs import Report, count_words, words

from shiftboss.batches import Batch

report, *paths = sys.argv[1:]
options = {"report": report}
batch = Batch(description="Words", results=True).on("success", Report, options).on("death", Report, options)
with batch.jobs():
    for path in paths:
        words.enqueue(count_words, path)
status = batch.join(timeout=60, event="finished", progress=True)
print(f"{status.done} of {status.total} files counted; the callback writes {report}")
