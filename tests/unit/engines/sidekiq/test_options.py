"""Options of a job: exactly those that are known, with values that can be right."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from shiftboss.engines.sidekiq.options import JobOptions, OptionNames
from shiftboss.errors import ConfigError


def test_the_wire_says_what_sidekiq_expects() -> None:
    assert JobOptions().wire == {"retry": True}
    options = JobOptions.load(None, queue="low", retry=3, dead=False, tags=["a", "b"], retry_queue="slow")
    assert options.wire == {"retry": 3, "dead": False, "tags": ["a", "b"], "retry_queue": "slow"}


@pytest.mark.parametrize(("retry", "wire"), [(25, True), (True, True), (False, False), (0, 0), (1, 1), (26, 26)])
def test_retry_travels_as_sidekiq_spells_it(retry: int, wire: int) -> None:
    value = JobOptions(retry=retry).wire["retry"]
    assert value == wire
    assert type(value) is type(wire)


def test_the_type_for_keyword_arguments_names_the_same_options() -> None:
    assert set(OptionNames.__annotations__) == set(JobOptions.__dataclass_fields__)


def test_what_is_not_given_comes_from_the_base() -> None:
    base = JobOptions(queue="low", retry=3)
    assert JobOptions.load(base, retry=4) == JobOptions(queue="low", retry=4)


@pytest.mark.parametrize(
    ("given", "hint"),
    [
        ("retries", "'retry'"),
        ("que", "'queue'"),
        ("tag", "'tags'"),
        ("zzz", "known are after_commit, backtrace, dead, "),
    ],
)
def test_an_unknown_option_is_answered_with_the_nearest(given: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=f"unknown job option '{given}'; .*{hint}"):
        JobOptions.load(None, **{given: 1})


@pytest.mark.parametrize(
    ("option", "value"),
    [
        *(("queue", value) for value in ("", "a b", "a,b", "a\n", "x" * 129, None, 5, b"low", "\ud800")),
        *(("name", value) for value in ("a b", "x" * 129, None, 5)),
        *(("retry", value) for value in (-1, 1.5, "5", None)),
        *(("retry_queue", value) for value in ("", "a b", 5)),
        *(("dead", value) for value in (1, None, "no")),
        *(
            (name, value)
            for name in ("retry_for", "expires_in", "timeout")
            for value in (0, -1, True, "5", float("nan"), float("inf"))
        ),
        *(("retry_on", value) for value in (None, [KeyError], {KeyError: -1}, {"KeyError": 1}, {KeyError: True})),
        *(("discard_on", value) for value in (None, "KeyError", [KeyError], (KeyError, "x"))),
        *(("backtrace", value) for value in (-1, None, "all")),
        *(("max_requeues", value) for value in (-1, True, "5", 1.5)),
        *(("after_commit", value) for value in (1, None, "yes")),
        *(("tags", value) for value in ("abc", [1], None, ["a\nb"], b"ab", 5)),
    ],
)
def test_a_value_that_cannot_be_right_is_refused_in_one_line(option: str, value: Any) -> None:
    with pytest.raises(ConfigError) as caught:
        JobOptions.load(None, **{option: value})
    assert str(caught.value).startswith(f"expected {option} to be ")
    assert "\n" not in str(caught.value)


def test_a_generator_of_tags_will_do() -> None:
    assert JobOptions.load(None, tags=(tag for tag in "ab")).tags == ("a", "b")


def test_durations_may_be_timedeltas_and_one_error_needs_no_tuple() -> None:
    options = JobOptions.load(
        None, timeout=timedelta(minutes=1), retry_for=3600, discard_on=KeyError, backtrace=5, max_requeues=0
    )
    assert (options.timeout, options.discard_on) == (60.0, (KeyError,))
    assert options.wire == {"retry": True, "retry_for": 3600, "timeout": 60.0, "max_requeues": 0, "backtrace": 5}
