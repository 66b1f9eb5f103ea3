"""A worker process: URL, timeout, concurrency."""

import logging
import sys

from shiftboss import Shiftboss
from shiftboss.engines.sidekiq.worker import Worker
from tests.integration.worker import jobs

if __name__ == "__main__":
    assert jobs
    logging.basicConfig(level=logging.INFO)
    url, timeout, concurrency = sys.argv[1:]
    Worker(Shiftboss(url), timeout=float(timeout), concurrency=int(concurrency)).run()
