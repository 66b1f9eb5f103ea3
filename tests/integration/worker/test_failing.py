"""What becomes of jobs that fail or cannot be read."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from shiftboss import Shiftboss
from shiftboss.engines.sidekiq.worker import Worker
from tests.backends import Backend
from tests.integration.worker import jobs
from tests.integration.worker.jobs import seen
from tests.waiting import wait_until

pytestmark = pytest.mark.backends("fake", "embedded", "redis", "acl")
BIG = 123456789012345678901234567890
MALFORMED = [
    b"not json{",
    b"[]",
    b'{"args":[]}',
    b'{"class":"note","args":{},"jid":"a","queue":"default"}',
    b'{"class":"note","args":[],"queue":"default"}',
    b'{"class":"note","args":[NaN],"jid":"a","queue":"default"}',
    b'{"class":"note","args":' + b"[" * 200_000 + b"]" * 200_000 + b',"jid":"a","queue":"default"}',
    b'{"class":"note\xff","args":[],"jid":"a","queue":"default"}',
]


def only(backend: Backend, name: str) -> tuple[dict[str, Any], float]:
    """The one member of a set of jobs, once there is one, and its score."""
    ((raw, score),) = wait_until(lambda: backend.raw.zrange(name, 0, -1, withscores=True), what=f"a job in {name}")
    return json.loads(raw), score


def hurry(backend: Backend) -> None:
    """Make every retry due."""
    for raw in backend.raw.zrange("retry", 0, -1):
        backend.raw.zadd("retry", {raw: 1})


def test_a_failed_job_waits_for_its_next_run(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    start()
    jid = jobs.fail.perform_async("x" * 20_000)
    job, score = only(backend, "retry")
    assert 14 <= score - time.time() <= 26
    assert (job["jid"], job["retry_count"], job["error_class"], job["error_message"]) == (
        jid,
        0,
        "ValueError",
        "x" * 10_000,
    )
    assert job["failed_at"] == pytest.approx(time.time() * 1000, abs=10_000)
    assert "retried_at" not in job
    assert "enqueued_at" not in job
    wait_until(lambda: backend.raw.get("stat:failed") == backend.raw.get("stat:processed") == "1")


def test_a_job_fails_again_and_dies(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    start()
    jid = jobs.Stubborn.perform_async("no")
    job, score = only(backend, "retry")
    assert 995 <= score - time.time() <= 1010
    assert not seen
    hurry(backend)
    dead, _ = only(backend, "dead")
    assert not backend.raw.exists("retry")
    assert dead["retry_count"] == 1
    assert dead["failed_at"] == job["failed_at"] <= dead["retried_at"]
    assert seen == [(jid, "LookupError('no')")]


def test_retry_false_keeps_nothing(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    start()
    jobs.fail.set(retry=False).perform_async("once")
    wait_until(lambda: backend.raw.get("stat:failed") == "1")
    assert not backend.raw.exists("retry", "dead")


def test_retry_zero_goes_to_the_dead_at_once_unless_they_do_not_want_it(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    start()
    jobs.fail.set(retry=0, dead=False).perform_async("gone")
    wait_until(lambda: backend.raw.get("stat:failed") == "1")
    assert not backend.raw.exists("retry", "dead")
    jobs.fail.set(retry=0).perform_async("kept")
    assert only(backend, "dead")[0]["error_message"] == "kept"


def test_a_retry_may_wait_in_another_queue(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    start()
    jobs.fail.set(retry_queue="later").perform_async("no")
    assert only(backend, "retry")[0]["queue"] == "later"
    hurry(backend)
    wait_until(lambda: backend.raw.llen("queue:later") == 1)
    assert backend.raw.smembers("queues") == {"default", "later"}


def test_a_name_writes_no_line_of_its_own_into_the_log(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker], caplog: pytest.LogCaptureFixture
) -> None:
    start()
    backend.raw.lpush("queue:default", '{"class":"a\\nb","args":[],"jid":"c\\nd","queue":"default"}')
    only(backend, "retry")
    assert "jid=c\\nd class=a\\nb queue=default" in caplog.text


def test_an_unknown_job_fails_and_is_tried_again(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    start()
    backend.raw.lpush("queue:default", '{"class":"Unknown","args":[],"jid":"ab","queue":"default"}')
    job, _ = only(backend, "retry")
    assert job["error_class"] == "shiftboss.errors.JobError"
    assert "'Unknown'" in job["error_message"]


@pytest.mark.parametrize("raw", MALFORMED, ids=range(len(MALFORMED)))
def test_what_cannot_be_read_is_kept_among_the_dead_byte_for_byte(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker], raw: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    start()
    backend.raw.lpush("queue:default", raw)
    jobs.note.perform_async("alive")
    wait_until(lambda: backend.raw.zcount("dead", 1, "+inf") == 1)
    assert backend.raw.zscore("dead", raw) == pytest.approx(time.time(), abs=10)
    wait_until(lambda: seen == ["alive"])
    assert "malformed job" in caplog.text


def test_big_numbers_and_unknown_fields_survive_a_retry(
    client: Shiftboss, backend: Backend, start: Callable[..., Worker]
) -> None:
    start()
    strange = {"cattr": {"tenant": BIG}, "tags": ["ü"], "mystery": [1.5, None, {"a": []}]}
    job = {"class": "fail_on_big", "args": [BIG, 2**53 + 1, -(2**63)], "jid": "ab", "queue": "default", **strange}
    backend.raw.lpush("queue:default", json.dumps(job))
    kept, _ = only(backend, "retry")
    assert {name: kept[name] for name in job} == job
    hurry(backend)
    wait_until(lambda: (r := backend.raw.zrange("retry", 0, -1)) and json.loads(r[0])["retry_count"] == 1)
    kept, _ = only(backend, "retry")
    assert {name: kept[name] for name in job} == job


def test_the_dead_are_trimmed(client: Shiftboss, backend: Backend, start: Callable[..., Worker]) -> None:
    old = time.time() - 181 * 86400
    backend.raw.zadd("dead", {f"old{n}": old for n in range(5)})
    backend.raw.zadd("dead", {f"young{n}": time.time() - 20_000 + n for n in range(10_000)})
    start()
    jobs.fail.set(retry=0).perform_async("new")
    wait_until(lambda: backend.raw.zscore("dead", "young0") is None)
    assert backend.raw.zcard("dead") == 10_000
    assert json.loads(backend.raw.zrange("dead", -1, -1)[0])["error_message"] == "new"
