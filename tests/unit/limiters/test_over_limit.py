"""What becomes of a job that was over a limit."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from types import SimpleNamespace
from typing import Any

import pytest

from shiftboss import ConfigError, OverLimit, Shiftboss, limiters
from shiftboss.extension import Reschedule
from shiftboss.jobs import Message
from shiftboss.limiters import concurrent
from shiftboss.limiters.extension import LimiterExtension

JOB = Message("job", (), "low", "ab12")


class TooManyRequests(Exception):
    """As a client library raises it for status 429."""

    def __init__(self, retry_after: object = None) -> None:
        super().__init__("429")
        self.response = SimpleNamespace(headers={} if retry_after is None else {"Retry-After": retry_after})


@pytest.fixture
def registered() -> Iterator[None]:
    limiters.errors.add(TooManyRequests)
    yield
    limiters.errors.discard(TooManyRequests)


def raised(error: BaseException, times: int = 0) -> Reschedule | None:
    options = {"overrated": times} if times else {}
    return LimiterExtension(Shiftboss("fake://over")).raised(Message("job", (), "low", "ab12", options=options), error)


def test_it_runs_again_when_the_limiter_expects_room() -> None:
    later = raised(OverLimit("no", "erp", 30.0))
    assert later is not None
    assert 30 <= later.delay <= 33
    assert later.options == {"overrated": 1}


def test_without_that_knowledge_the_delay_grows_with_each_time() -> None:
    first, fifth = raised(OverLimit("no", "erp")), raised(OverLimit("no", "erp"), 4)
    assert first is not None
    assert fifth is not None
    assert 300 <= first.delay <= 330
    assert 1500 <= fifth.delay <= 1650
    assert fifth.options == {"overrated": 5}


def test_what_is_no_number_of_times_counts_as_none() -> None:
    message = Message("j", (), "default", "x", options={"overrated": "x"})
    reschedule = LimiterExtension(Shiftboss("fake://over-limit")).raised(message, OverLimit("no", "api", 1.0))
    assert reschedule is not None
    assert reschedule.options == {"overrated": 1}


def test_after_twenty_times_it_is_a_failure_like_others() -> None:
    assert raised(OverLimit("no", "erp"), 19) is not None
    assert raised(OverLimit("no", "erp"), 20) is None


def test_a_limiter_says_how_often() -> None:
    two = concurrent("erp", 1, reschedule=2)
    assert raised(OverLimit("no", "erp", 1.0, two), 1) is not None
    assert raised(OverLimit("no", "erp", 1.0, two), 2) is None
    assert raised(OverLimit("no", "erp", 1.0, concurrent("erp", 1, reschedule=0))) is None


def test_a_limiter_says_how_long() -> None:
    def backoff(limiter: Any, job: Message, error: BaseException) -> float:
        assert (limiter.name, job.id) == ("erp", "ab12")
        assert isinstance(error, OverLimit)
        return 7.0

    later = raised(OverLimit("no", "erp", 60.0, concurrent("erp", 1, backoff=backoff)))
    assert later is not None
    assert later.delay == 7.0


def test_a_wish_that_is_none_or_fails_means_the_usual(caplog: pytest.LogCaptureFixture) -> None:
    for backoff in (lambda *_: None, lambda *_: math.inf, lambda *_: math.nan, lambda *_: 1 / 0):
        later = raised(OverLimit("no", "erp", 60.0, concurrent("erp", 1, backoff=backoff)))
        assert later is not None
        assert 60 <= later.delay <= 66
    assert "backoff of limiter 'erp' failed" in caplog.text


@pytest.mark.parametrize(
    ("said", "least", "most"),
    [
        ("30", 30, 33),
        (30, 30, 33),
        (None, 300, 330),
        ("soon", 300, 330),
        (object(), 300, 330),
        ("-5", 0, 1),
        ("inf", 300, 330),
        ("nan", 300, 330),
        ("99999999999", 300, 330),
        (10**400, 300, 330),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 300, 330),
    ],
)
def test_an_error_of_others_that_means_the_same_is_honoured(
    registered: None, said: object, least: float, most: float
) -> None:
    later = raised(TooManyRequests(said))
    assert later is not None
    assert least <= later.delay <= most


def test_a_date_is_honoured_too(registered: None) -> None:
    later = raised(TooManyRequests(format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)))
    assert later is not None
    assert 80 <= later.delay <= 100


@pytest.mark.parametrize(
    "said",
    [
        {"headers": {"Retry-After": "30"}},  # as aiohttp and urllib say it
        {"headers": {"retry-after": "30"}},
        {"response": SimpleNamespace(headers={"retry-after": "30"})},
        {"retry_after": timedelta(seconds=30)},
    ],
    ids=repr,
)
def test_wherever_an_error_says_when_it_may_be_tried_again(registered: None, said: dict[str, Any]) -> None:
    error = TooManyRequests()
    error.__dict__.update(said)
    later = raised(error)
    assert later is not None
    assert 30 <= later.delay <= 33


@pytest.mark.parametrize("wrong", [TooManyRequests(), "TooManyRequests", int])
def test_what_is_no_class_of_errors_is_refused_at_once(wrong: Any) -> None:
    for add in (limiters.errors.add, lambda one: limiters.errors.update([one])):
        with pytest.raises(ConfigError, match=r"expected limiters.errors to be given a class of errors, got"):
            add(wrong)
    assert not limiters.errors


def test_any_other_error_is_a_failure() -> None:
    assert raised(TooManyRequests("30")) is None
    assert raised(ValueError("no")) is None
