"""A program that pushes a large batch with autoflush and tells its peak memory.

`python -m tests.stress.large_batch URL COUNT HOW`, where HOW is ``bulk`` or ``single``.
"""

from __future__ import annotations

import json
import resource
import sys

from shiftboss import Shiftboss, job
from shiftboss.batches import Batch


@job(queue="large")
def nothing() -> None:
    """It is only pushed."""


def main(url: str, count: int, how: str) -> None:
    with Shiftboss(url):
        batch = Batch(description="A great many")
        with batch.jobs(autoflush=10_000):
            if how == "bulk":
                nothing.perform_bulk(() for _ in range(count))
            else:
                for _ in range(count):
                    nothing.perform_async()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        json.dump({"bid": batch.bid, "peak": peak}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
