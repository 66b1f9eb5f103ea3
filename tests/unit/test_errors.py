"""Errors cross process boundaries, and are of the families their page draws."""

from __future__ import annotations

import copy
import inspect
import pickle

import pytest

from shiftboss import errors
from shiftboss.errors import OverLimit, ShiftbossError

ALL = [kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ShiftbossError)]


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_pickles(kind: type[ShiftbossError]) -> None:
    error = kind("what happened")
    error.__notes__ = ["where"]
    for protocol in range(2, pickle.HIGHEST_PROTOCOL + 1):
        for again in (pickle.loads(pickle.dumps(error, protocol)), copy.copy(error)):
            assert type(again) is kind
            assert (str(again), again.args, vars(again)) == (str(error), error.args, vars(error))


def test_what_an_error_knows_pickles_too() -> None:
    again = pickle.loads(pickle.dumps(OverLimit("full", "api", 2.5)))
    assert (str(again), again.limiter, again.retry_after) == ("full", "api", 2.5)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_the_page_shows_every_error_below_its_parents(kind: type[ShiftbossError]) -> None:
    page = errors.__doc__ or ""
    line = next(line for line in page.splitlines() if line.strip("├└─│ ").partition(" ")[0] == kind.__name__)
    for parent in kind.__bases__:
        assert parent in ALL or parent is Exception or f"({parent.__name__})" in line


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_every_error_says_what_it_is_for(kind: type[ShiftbossError]) -> None:
    assert kind.__doc__
    assert kind.__module__ == "shiftboss.errors"
