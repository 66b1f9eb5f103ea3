"""The built-in worker: runs jobs from Sidekiq's queues, in threads and on one event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from shiftboss.engines.sidekiq.worker.worker import Worker

__all__ = ["Worker"]


def __getattr__(name: str) -> Any:
    # Who pushes needs some of this package's calls, and should not load the worker for them.
    if name == "Worker":
        from shiftboss.engines.sidekiq.worker.worker import Worker

        return Worker
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
