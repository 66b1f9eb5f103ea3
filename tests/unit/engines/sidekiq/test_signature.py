"""Arguments are bound to positions where a job is pushed, and what does not fit is refused there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from shiftboss.engines.sidekiq.signature import Parameters
from shiftboss.errors import ConfigError, JobError


def plain(path: str, width: int = 800, height: int = 600) -> None: ...
def nothing() -> None: ...
def rest(first: int, *others: int) -> None: ...
def positional(a: int, /, b: int = 2) -> None: ...
def keyword_only(a: int, *, b: int = 1) -> None: ...
def any_keywords(a: int, **options: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "positions"),
    [
        (plain, ("a",), {}, ("a",)),
        (plain, ["a", 1], {}, ("a", 1)),
        (plain, ("a",), {"width": 1}, ("a", 1)),
        (plain, ("a",), {"height": 1}, ("a", 800, 1)),
        (plain, (), {"height": 1, "path": "a"}, ("a", 800, 1)),
        (nothing, (), {}, ()),
        (rest, (1,), {}, (1,)),
        (rest, range(50), {}, tuple(range(50))),
        (rest, (), {"first": 1}, (1,)),
        (positional, (1,), {"b": 3}, (1, 3)),
    ],
)
def test_arguments_find_their_positions(function: Callable[..., Any], args: Any, kwargs: Any, positions: Any) -> None:
    assert Parameters("m.f", function).bind(args, kwargs) == positions


@pytest.mark.parametrize(
    ("function", "args", "kwargs", "reason", "shown"),
    [
        (plain, (), {}, "missing a required argument: 'path'", "f(path, width=800, height=600), got ()"),
        (plain, (1, 2, 3, 4), {}, "too many positional arguments", "f(path, width=800, height=600), got (1, 2, 3, 4)"),
        (plain, ("a",), {"widht": 1}, "unexpected keyword argument 'widht'", "got ('a', widht=1)"),
        (plain, ("a",), {"path": 1}, "multiple values for argument 'path'", "got ('a', path=1)"),
        (nothing, (1,), {}, "too many positional arguments", "f(), got (1)"),
        (positional, (), {"a": 1}, "'a'", "f(a, /, b=2), got (a=1)"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_signature(
    function: Callable[..., Any], args: Any, kwargs: Any, reason: str, shown: str
) -> None:
    with pytest.raises(JobError) as caught:
        Parameters("m.f", function).bind(args, kwargs)
    message = str(caught.value)
    assert message.startswith("m.f: ")
    assert reason in message
    assert message.endswith(shown)


def test_huge_arguments_are_not_repeated_in_the_refusal() -> None:
    with pytest.raises(JobError) as caught:
        Parameters("m.f", nothing).bind(("x" * 100_000,), {})
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("function", "hint"),
    [
        (keyword_only, "'b' is keyword-only, but jobs travel with positional arguments; move it before the *"),
        (any_keywords, "**options cannot be reached, for jobs travel with positional arguments; name the parameters"),
    ],
)
def test_parameters_that_no_position_reaches_are_refused_with_a_hint(function: Callable[..., Any], hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Parameters("m.f", function)
    assert hint in str(caught.value)


def test_a_builtin_whose_parameters_are_not_known_is_refused() -> None:
    with pytest.raises(ConfigError, match="expected a function whose parameters are known"):
        Parameters("m.f", dict)
