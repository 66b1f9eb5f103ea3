"""Naming callbacks, and refusing what no other process could find or JSON would change."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest

from shiftboss.batches import Batch
from shiftboss.batches.callbacks import OPTIONS_LIMIT, Callback, name_of
from shiftboss.config import ConfigError
from tests.integration.batches import heard


class Local:
    def on_success(self, status: object, options: object) -> None: ...


def test_a_name_is_kept_and_sidekiqs_form_understood() -> None:
    assert name_of("json:loads") == "json:loads"
    assert name_of(f"{heard.__name__}:Invoices#report") == f"{heard.__name__}:Invoices.report"


def test_an_object_is_named_as_it_is_found() -> None:
    assert name_of(heard.note) == f"{heard.__name__}:note"
    assert name_of(heard.Invoices.report) == f"{heard.__name__}:Invoices.report"


def test_check_false_skips_the_look() -> None:
    assert name_of("app.that.is.elsewhere:Thing", check=False) == "app.that.is.elsewhere:Thing"


def nested() -> object:
    def inner(status: object, options: object) -> None: ...

    return inner


in_main = type("InMain", (), {"__module__": "__main__", "__qualname__": "InMain"})
stranger = type("Stranger", (), {"__module__": "json", "__qualname__": "loads"})


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("no_colon", "expected a callback like 'module:Class.method'"),
        ("nowhere.at.all:Thing", "cannot be imported: No module named 'nowhere'"),
        ("json:lods", "cannot be imported"),
        ("json:__name__", "cannot be called"),
        (lambda status, options: None, "is a lambda or a nested function"),
        (nested(), "is a lambda or a nested function"),
        (in_main, "is in __main__"),
        (stranger, "is not what json:loads names"),
        (42, "expected a callback to be a name"),
        (None, "expected a callback to be a name"),
    ],
)
def test_what_cannot_be_found_by_name_is_refused_where_the_batch_is_defined(target: object, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Batch().on("success", target)


@pytest.mark.parametrize(
    "options",
    [
        [1],
        "text",
        {"when": datetime(2026, 1, 1, tzinfo=UTC)},
        {1: "a"},
        {"a": (1, 2)},
        {"a": {1, 2}},
        {"a": math.nan},
        {"a": math.inf},
        {"a": b"bytes"},
        {"a": object()},
        {"a": "x" * OPTIONS_LIMIT},
    ],
    ids=lambda options: str(options)[:20],
)
def test_options_that_are_not_json_are_refused(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="options"):
        Batch().on("success", "json:loads", options)


def test_big_numbers_in_options_survive() -> None:
    callback = Callback("json:loads", {"id": 2**63 + 1})
    assert Callback.from_json(callback.to_json()) == callback


@pytest.mark.parametrize("event", ["sucess", "", "SUCCESS", "done"])
def test_an_unknown_event_is_refused(event: str) -> None:
    with pytest.raises(ConfigError, match="expected an event of complete, success, death, finished"):
        Batch().on(event, "json:loads")


@pytest.mark.parametrize("target", [heard.Invoices, f"{heard.__name__}:Invoices"])
def test_a_class_without_the_events_method_is_refused(target: object) -> None:
    with pytest.raises(ConfigError, match=r"Invoices is a class without on_death; add that method, or name another"):
        Batch().on("death", target)
    Batch().on("success", target)
    Batch().on("death", f"{heard.__name__}:Invoices", check=False)


def test_tags_may_come_one_by_one() -> None:
    assert Batch(tags=(tag for tag in ["a", "b"])).tags == ("a", "b")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"description": 5}, "expected description to be a string, got 5"),
        ({"description": "x" * 10_000_000}, "at most 10,000 bytes, got 10,000,000"),
        ({"description": "é" * 5_001}, "got 10,002"),
        ({"tags": "billing"}, "expected tags to be a list of strings"),
        ({"tags": [1]}, "expected tags to be a list of strings"),
        ({"tags": ["x" * 129]}, "at most 128 characters"),
        ({"tags": None}, "expected tags to be a list of strings of at most 128 characters, got None"),
        ({"tags": ["\ud800"]}, "expected tags to be text that UTF-8 can hold"),
        ({"description": "\ud800"}, "expected description to be text that UTF-8 can hold"),
        ({"callback_queue": 5}, "expected callback_queue to be a queue's name of 1 to 128 characters, got 5"),
        ({"callback_queue": ""}, "expected callback_queue"),
        ({"callback_queue": "two\nlines"}, "expected callback_queue"),
        ({"parent": "3f00000000000000"}, "expected parent to be a Batch or None, got '3f00000000000000'"),
        ({"linger": 59}, "expected linger to be at least 60 seconds, got 59"),
        ({"linger": -1}, "expected linger to be a positive number"),
        ({"expires_in": math.nan}, "expected expires_in to be a positive number"),
        ({"expires_in": 10**9}, "expected expires_in"),
    ],
)
def test_a_batch_that_cannot_be_is_refused_without_a_round_trip(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Batch(**options)  # type: ignore[arg-type]
