"""Batches: sets of jobs that are counted, with callbacks when they come to something."""

from shiftboss.batches.batch import Batch, current_batch
from shiftboss.batches.callbacks import EVENTS, Callback
from shiftboss.batches.sets import BatchSet
from shiftboss.batches.status import CallbackStatus, Status
from shiftboss.errors import BatchClosed, BatchError, BatchNotFound

__all__ = [
    "EVENTS",
    "Batch",
    "BatchClosed",
    "BatchError",
    "BatchNotFound",
    "BatchSet",
    "Callback",
    "CallbackStatus",
    "Status",
    "current_batch",
]
