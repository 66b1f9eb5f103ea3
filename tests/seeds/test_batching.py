"""The seeds' ways with batches and limiters, in Python."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shiftboss import Shiftboss, limiters
from shiftboss.batches import Batch
from shiftboss.engines.sidekiq.worker import Worker
from tests.seeds import forms
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("fake", "embedded", "redis")


@pytest.fixture
def worker(client: Shiftboss) -> Iterator[Worker]:
    for record in (forms.SUBMITTED, forms.LOADED, forms.Form526Submission.handled):
        record.clear()
    with Worker(client, queues=["low", "default"], concurrency=5) as worker:
        yield worker


def test_a_workflow_batch_calls_a_handler_of_the_model_and_gives_the_first_job_id(worker: Worker) -> None:
    batch = Batch()
    handler = f"{forms.__name__}:Form526Submission#perform_ancillary_jobs_handler"
    batch.on("success", handler, {"submission_id": 526, "first_name": "Ann"})
    with batch.jobs() as added:
        job_id = forms.submit_form526_all_claim.perform_async(526)
    assert added.ids[0] == job_id
    batch.join(timeout=20)
    wait_until(lambda: forms.Form526Submission.handled, what="the handler was called")
    ((status, options),) = forms.Form526Submission.handled
    assert (status.bid, status.total, status.done) == (batch.bid, 1, 1)
    assert options == {"submission_id": 526, "first_name": "Ann"}
    assert forms.SUBMITTED == [526]


@pytest.mark.timeout(300)
def test_a_batch_filled_by_a_thousand_blocks_with_a_limiter_around_each_push_succeeds_once_after_the_last(
    worker: Worker,
) -> None:
    handler = f"{forms.__name__}:Form526Submission#perform_ancillary_jobs_handler"
    limiter = limiters.concurrent("Form526BackupSubmission", 32, wait_timeout=120, lock_timeout=60)
    with Batch().on("success", handler) as batch:
        for submission_id in range(1_000):
            with batch.jobs(), limiter.within_limit():
                forms.load_submission.perform_async(submission_id)
    status = batch.join(timeout=240)
    wait_until(lambda: forms.Form526Submission.handled, what="the handler was called")
    assert (status.total, status.done) == (1_000, 1_000)
    assert sorted(forms.LOADED) == list(range(1_000))
    assert len(forms.Form526Submission.handled) == 1
    assert limiter.peek().used == 0
