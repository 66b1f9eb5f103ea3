"""Count the words of files on Dramatiq workers: python count.py REPORT FILE..."""

import sys

from actors import Report, count_words

from shiftboss.batches import Batch

report, *paths = sys.argv[1:]
options = {"report": report}
batch = Batch(description="Words", results=True).on("success", Report, options).on("death", Report, options)
with batch.jobs():
    for path in paths:
        count_words.send(path)
status = batch.join(timeout=60, event="finished", progress=True)
print(f"{status.done} of {status.total} files counted; the callback writes {report}")
