"""What the seeds' application would look like in Python: a model with a handler, and two jobs."""

from __future__ import annotations

from typing import Any, ClassVar

from shiftboss import job
from shiftboss.batches import Status


class Form526Submission:
    """The model whose handler a batch calls back."""

    handled: ClassVar[list[tuple[Status, dict[str, Any]]]] = []

    def perform_ancillary_jobs_handler(self, status: Status, options: dict[str, Any]) -> None:
        self.handled.append((status, options))


SUBMITTED: list[int] = []
LOADED: list[int] = []


@job(queue="low")
def submit_form526_all_claim(submission_id: int) -> None:
    SUBMITTED.append(submission_id)


@job(queue="low")
def load_submission(submission_id: int) -> None:
    LOADED.append(submission_id)
