"""A program that pushes a large batch with autoflush and tells its peak memory: `python -m tests.stress.large_batch URL COUNT`."""

from __future__ import annotations

import json
import resource
import sys

from shiftboss import Shiftboss, job
from shiftboss.batches import Batch


@job(queue="large")
def nothing() -> None:
    """It is only pushed."""


def main(url: str, count: int) -> None:
    with Shiftboss(url):
        batch = Batch(description="A great many")
        with batch.jobs(autoflush=10_000):
            for _ in range(count):
                nothing.perform_async()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        json.dump({"bid": batch.bid, "peak": peak}, sys.stdout)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
