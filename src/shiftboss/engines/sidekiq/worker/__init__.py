"""The built-in worker: runs jobs from Sidekiq's queues, in threads and on one event loop."""

from shiftboss.engines.sidekiq.worker.worker import Worker

__all__ = ["Worker"]
