"""What becomes of a job that failed: Sidekiq's rules."""

from __future__ import annotations

import base64
import json
import math
import sys
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from shiftboss.endings import DISCARD, KILL, Discard
from shiftboss.engines.sidekiq.options import JobOptions
from shiftboss.engines.sidekiq.payload import decode
from shiftboss.engines.sidekiq.worker.bodies import Body
from shiftboss.engines.sidekiq.worker.failed_run import failed_run
from shiftboss.engines.sidekiq.worker.failure import delay_after, failed, later, poisoned, unreadable
from shiftboss.engines.sidekiq.worker.hold import Ended, Run
from shiftboss.errors import JobError
from shiftboss.extension import Reschedule
from shiftboss.jobs import Outcome


def fail(error: BaseException, retry_in: Any = None, options: Any = None, **fields: Any) -> Ended:
    raw = json.dumps({"class": "Job", "args": [1], "jid": "ab", "queue": "low", **fields}).encode()
    body = Body(print, retry_in=retry_in, options=JobOptions.load(None, **(options or {})))
    return failed(Run(1, "low", raw), decode(raw), error, body)


def kept(ended: Ended) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(ended.keep)
    return read


def test_the_delay_grows_with_the_fourth_power() -> None:
    assert [delay_after(count) for count in (0, 1, 2, 24)] == [15, 16, 31, 331791]


@pytest.mark.parametrize("count", [None, 0, 3])
def test_the_delay_has_a_part_left_to_chance(count: int | None) -> None:
    next_count = 0 if count is None else count + 1
    delays = [fail(ValueError("no"), retry_count=count).delay for _ in range(100)]
    assert min(delays) >= delay_after(next_count)
    assert max(delays) <= delay_after(next_count) + 10 * (next_count + 1)
    assert max(delays) > min(delays)


@pytest.mark.parametrize(
    ("retry", "count", "verb", "outcome"),
    [
        (None, None, "retry", Outcome.FAILED),
        (True, 23, "retry", Outcome.FAILED),
        (True, 24, "dead", Outcome.DIED),
        (2, None, "retry", Outcome.FAILED),
        (2, 0, "retry", Outcome.FAILED),
        (2, 1, "dead", Outcome.DIED),
        (0, None, "dead", Outcome.DIED),
        (False, None, "drop", Outcome.DIED),
    ],
)
def test_a_job_is_tried_again_as_often_as_it_says(retry: Any, count: int | None, verb: str, outcome: Outcome) -> None:
    given = {} if retry is None else {"retry": retry}
    ended = fail(ValueError("no"), retry_count=count, **given)
    assert (ended.verb, ended.outcome) == (verb, outcome)


def test_retry_for_is_a_time_instead_of_a_number() -> None:
    assert fail(ValueError("no"), retry_for=3600, retry_count=30, failed_at=4102444800000).verb == "retry"
    assert fail(ValueError("no"), retry_for=3600, retry_count=0, failed_at=1000000000000).verb == "dead"


def test_the_payload_tells_of_the_first_and_of_the_last_failure() -> None:
    first = kept(fail(LookupError("one")))
    assert (first["retry_count"], first["error_class"], first["error_message"]) == (0, "LookupError", "one")
    assert "retried_at" not in first
    again = kept(fail(JobError("two"), **{**first, "cattr": {"a": 1}}))
    assert (again["retry_count"], again["error_class"]) == (1, "shiftboss.errors.JobError")
    assert again["failed_at"] == first["failed_at"] <= again["retried_at"]
    assert again["cattr"] == {"a": 1}
    assert "error_backtrace" not in again


def test_a_message_is_cut_and_made_valid() -> None:
    assert kept(fail(ValueError("é" * 10_001)))["error_message"] == "é" * 10_000
    assert kept(fail(ValueError("half \ud800")))["error_message"] == "half ?"


def test_an_error_that_cannot_say_what_it_is_does_no_harm() -> None:
    class Mute(Exception):
        def __str__(self) -> str:
            raise RuntimeError

    assert "RuntimeError" in kept(fail(Mute()))["error_message"]


def test_a_backtrace_is_kept_on_request_as_sidekiq_does() -> None:
    try:
        raise ValueError("here")
    except ValueError as error:
        stored = kept(fail(error, backtrace=True))["error_backtrace"]
    (line,) = json.loads(zlib.decompress(base64.b64decode(stored)))
    assert "test_a_backtrace_is_kept_on_request_as_sidekiq_does" in line


def test_where_it_failed_is_kept_whatever_the_file_is_called() -> None:
    code: dict[str, Any] = {}
    exec(compile("def f(): raise ValueError", "/srv/caf\udce9/app.py", "exec"), code)
    try:
        code["f"]()
    except ValueError as error:
        ended = fail(error, backtrace=True)
    (_, line) = json.loads(zlib.decompress(base64.b64decode(kept(ended)["error_backtrace"])))[::-1]
    assert line == "/srv/caf?/app.py:1:in 'f'"
    assert json.loads(failed_run(ended))["backtrace"][-1] == "/srv/caf?/app.py:1 in f"


@pytest.mark.parametrize("delay", [math.inf, math.nan])
def test_a_delay_that_never_ends_is_none(delay: float) -> None:
    raw = b'{"class":"Job","args":[],"jid":"ab","queue":"low"}'
    with pytest.raises(ValueError, match="expected a delay in seconds"):
        later(Run(1, "low", raw), decode(raw), Reschedule(delay, {}), begun=True)


def test_a_job_may_wish_for_a_delay() -> None:
    assert 100 <= fail(ValueError("no"), lambda count, error: 100 + count).delay <= 110
    assert 600 <= fail(ValueError("no"), lambda count, error: timedelta(minutes=10)).delay <= 610
    assert 15 <= fail(ValueError("no"), lambda count, error: None).delay <= 25
    assert 15 <= fail(ValueError("no"), lambda count, error: 0).delay <= 25


def leaves() -> float:
    sys.exit(1)


@pytest.mark.parametrize("wish", [lambda: {}["x"], leaves, lambda: float("inf"), lambda: float("nan"), lambda: "soon"])
def test_a_wish_that_fails_is_logged_and_the_usual_delay_taken(
    wish: Callable[[], Any], caplog: pytest.LogCaptureFixture
) -> None:
    assert 15 <= fail(ValueError("no"), lambda count, error: wish()).delay <= 25
    assert "retry_in failed" in caplog.text


def test_who_does_not_want_to_be_kept_is_dropped() -> None:
    assert fail(ValueError("no"), retry=0, dead=False).verb == "drop"
    raw = b'{"class":"Job","args":[],"jid":"ab","queue":"low","dead":false}'
    assert poisoned(Run(1, "low", raw, decode(raw)), decode(raw), "reason").verb == "drop"


def test_what_cannot_be_read_is_kept_as_it_is() -> None:
    ended = unreadable(Run(1, "low", b"not json{"), JobError("no"))
    assert (ended.verb, ended.keep, ended.outcome) == ("dead", b"not json{", Outcome.DIED)


class Missing(LookupError):
    pass


@pytest.mark.parametrize("error", [Discard("gone"), Missing("7")])
def test_what_is_discarded_has_died_and_is_not_kept(error: Exception) -> None:
    ended = fail(error, options={"discard_on": LookupError})
    assert (ended.verb, ended.outcome, ended.discarded) == ("drop", Outcome.DIED, True)


def test_an_error_of_another_kind_is_not_discarded() -> None:
    ended = fail(ValueError("no"), options={"discard_on": (LookupError,)})
    assert (ended.verb, ended.discarded) == ("retry", False)


def verbs(*errors: BaseException, retry_on: Any, **fields: Any) -> list[str]:
    """What becomes of a job that raises one error after another."""
    verbs: list[str] = []
    for error in errors:
        ended = fail(error, options={"retry_on": retry_on}, **fields)
        verbs.append(ended.verb)
        fields = kept(ended) if ended.keep else fields
    return verbs


def test_retry_on_says_how_often_an_error_is_repeated() -> None:
    missing = [Missing("7")] * 3
    assert verbs(*missing, retry_on={LookupError: 2}, retry=False) == ["retry", "retry", "drop"]
    assert verbs(*missing, retry_on={LookupError: 2}, retry=9) == ["retry", "retry", "dead"]
    assert verbs(ValueError("no"), retry_on={LookupError: 2}, retry=False) == ["drop"]


def test_each_error_of_retry_on_has_a_count_of_its_own_and_retry_counts_the_others() -> None:
    said = {LookupError: 1, ZeroDivisionError: 1}
    errors = [ValueError("1"), ValueError("2"), Missing("1"), ZeroDivisionError("1")]
    assert verbs(*errors, ValueError("3"), retry_on=said, retry=2) == ["retry"] * 4 + ["dead"]
    assert verbs(*errors, KeyError("2"), retry_on=said, retry=2) == ["retry"] * 4 + ["dead"]
    assert verbs(*errors, ValueError("3"), retry_on=said, retry=3) == ["retry"] * 5


@pytest.mark.parametrize("strange", ["x", {"builtins.LookupError": "x"}, [1]])
def test_counts_that_are_none_are_no_matter(strange: Any) -> None:
    assert (
        verbs(LookupError("1"), ValueError("1"), retry_on={LookupError: 1}, retry=1, repeats=strange) == ["retry"] * 2
    )


def test_of_retry_on_the_nearest_class_counts() -> None:
    said = {Exception: 0, LookupError: 1, Missing: 2}
    assert verbs(*[Missing("7")] * 3, retry_on=said) == ["retry", "retry", "dead"]
    assert verbs(*[KeyError("7")] * 2, retry_on=said) == ["retry", "dead"]
    assert verbs(ValueError("no"), retry_on=said) == ["dead"]


def test_retry_in_may_discard_or_kill() -> None:
    assert fail(ValueError("no"), lambda count, error: DISCARD).discarded
    killed = fail(ValueError("no"), lambda count, error: KILL)
    assert (killed.verb, killed.outcome, killed.discarded) == ("dead", Outcome.DIED, False)
    assert fail(ValueError("no"), lambda count, error: KILL, dead=False).verb == "drop"
