"""Batches: sets of jobs that are counted, with callbacks when they come to something."""

from shiftboss.errors import BatchClosed, BatchError, BatchNotFound

from .batch import Batch, current_batch
from .callbacks import EVENTS, Callback
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
    "areport",
    "current_batch",
    "report",
]
