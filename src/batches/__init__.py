"""Batches: sets of jobs that are counted, with callbacks when they come to something."""

from shiftboss.errors import BatchClosed, BatchError, BatchNotFound

from .batch import Batch, current_batch
from .callbacks import EVENTS, Callback
from .prerequisites import aenqueue_after, enqueue_after
from .results import areport, report
from .sets import BatchSet
from .status import CallbackStatus, Failure, Status

__all__ = [
    "EVENTS",
    "Batch",
    "BatchClosed",
    "BatchError",
    "BatchNotFound",
    "BatchSet",
    "Callback",
    "CallbackStatus",
    "Failure",
    "Status",
    "aenqueue_after",
    "areport",
    "current_batch",
    "enqueue_after",
    "report",
]
