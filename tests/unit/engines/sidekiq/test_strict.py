"""Arguments that JSON would change are refused where they are pushed, with the path of the culprit."""

from __future__ import annotations

import decimal
import enum
import json
import math
import pathlib
import uuid
from collections import OrderedDict, UserString, defaultdict, namedtuple
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftboss.engines.sidekiq.strict import PAYLOAD_LIMIT, check_arguments, check_size
from shiftboss.errors import JobError

Point = namedtuple("Point", "x y")


class Colour(enum.Enum):
    RED = "red"


class Size(enum.IntEnum):
    BIG = 1


class Kind(enum.StrEnum):
    ODD = "odd"


class Name(str):
    __slots__ = ()


class Thing:
    pass


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def refusal(*args: Any) -> str:
    with pytest.raises(JobError) as caught:
        check_arguments("resize", args)
    message = str(caught.value)
    assert "\n" not in message
    assert len(message) < 400
    return message


@given(st.lists(JSON, max_size=20))
def test_json_is_accepted(args: list[Any]) -> None:
    check_arguments("resize", args)


@pytest.mark.parametrize("value", [True, None, 0, -(2**70), 1.5, "", "é\x00\u2028🙂", [], {}, [[{"": [None]}]]])
def test_a_value_that_json_gives_back_is_accepted(value: Any) -> None:
    check_arguments("resize", [value])
    check_arguments("resize", [{"in": [value]}])


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ((1, 2), "tuple"),
        (Point(1, 2), "Point"),
        ({1}, "set"),
        (frozenset(), "frozenset"),
        (b"x", "bytes"),
        (bytearray(), "bytearray"),
        (datetime(2026, 1, 1, tzinfo=UTC), "datetime"),
        (date(2026, 1, 1), "date"),
        (time(1), "time"),
        (timedelta(1), "timedelta"),
        (decimal.Decimal(1), "Decimal"),
        (uuid.UUID(int=0), "UUID"),
        (pathlib.Path("/"), "Path"),
        (Colour.RED, "Colour"),
        (Size.BIG, "Size"),
        (Kind.ODD, "Kind"),
        (Name("a"), "Name"),
        (UserString("a"), "UserString"),
        (OrderedDict(), "OrderedDict"),
        (defaultdict(list), "defaultdict"),
        (Thing(), "Thing"),
        (Thing, "type"),
        (Unspeakable(), "Unspeakable"),
        (1j, "complex"),
        (len, "builtin_function_or_method"),
        (range(3), "range"),
    ],
)
def test_a_value_that_json_would_change_is_refused(value: Any, kind: str) -> None:
    assert f"{kind} is not JSON; pass " in refusal(value)
    assert refusal("a", {"when": [value]}).startswith("resize: args[1].when[0]: ")


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_json_does_not_have_is_refused(value: float) -> None:
    assert refusal(value) == f"resize: args[0]: {value} is not JSON; pass None or a finite number"


@pytest.mark.parametrize("key", [1, None, True, 1.5, ("a",), Name("a"), Kind.ODD])
def test_keys_that_are_not_text_are_refused(key: Any) -> None:
    message = refusal({"outer": {key: 1}})
    assert message.startswith("resize: args[0].outer: the key ")
    assert message.endswith(f"is {type(key).__name__}, which is not JSON; keys must be str")


@pytest.mark.parametrize("value", ["\ud800", "a\udfffb", {"k": "\ud800"}, {"\ud800": 1}])
def test_half_a_character_is_refused(value: Any) -> None:
    refusal(value).encode()


def test_the_path_names_odd_keys_in_quotes() -> None:
    assert refusal({"first name": {"ok": b""}}).startswith("resize: args[0]['first name'].ok: bytes is not JSON")


def test_nesting_goes_as_deep_as_ruby_reads() -> None:
    deep: Any = []
    for _ in range(97):
        deep = [deep]
    check_arguments("resize", [deep])
    assert json.dumps({"args": [deep]}).count("[") == 99  # with the payload itself, 100 levels
    assert "nested deeper than 98 levels" in refusal([deep])


def test_an_endless_structure_is_refused() -> None:
    ring: list[Any] = []
    ring.append(ring)
    assert "nested deeper" in refusal(ring)


def test_an_integer_that_python_would_not_read_is_refused() -> None:
    check_arguments("resize", [10**4000])
    assert "too long for JSON" in refusal(10**5000)


@pytest.mark.parametrize(
    "value", ["x" * PAYLOAD_LIMIT, "\x01" * (PAYLOAD_LIMIT // 6 + 1), ["é" * 1000] * 600, list(range(200_000))]
)
def test_arguments_above_a_mebibyte_are_refused_with_their_size(value: Any) -> None:
    message = refusal(value)
    assert message.startswith("resize: a job's payload may be 1,048,576 bytes, got 1,")
    assert message.endswith("; store the data and pass where it is")


def test_many_short_arguments_count_together() -> None:
    check_arguments("resize", ["x" * 10_000] * 100)
    assert "got 1,100,331" in refusal(*["x" * 10_000] * 110)


def test_the_limit_itself_is_allowed() -> None:
    check_size("resize", PAYLOAD_LIMIT)
    with pytest.raises(JobError, match="got 1,048,577"):
        check_size("resize", PAYLOAD_LIMIT + 1)
