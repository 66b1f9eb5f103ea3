"""What may be an argument: only what JSON gives back as it was.

A tuple would come back as a list, a datetime as text, an int key as a string, NaN not at all. All that is refused where
it is pushed, with the path of the culprit, rather than found out by the job.
"""

from __future__ import annotations

import math
import reprlib
from collections.abc import Sequence
from typing import Any

import msgspec

from shiftboss.errors import JobError

PAYLOAD_LIMIT = 1024 * 1024
# Ruby reads 100 levels; the payload and its list of arguments are two of them.
DEPTH_LIMIT = 98
# Python itself refuses to write or read an integer of more than 4,300 digits.
_BITS_LIMIT = 14_000
# Up to so many arguments, none of them a container or text longer than this, fit into a payload however they are escaped.
_FEW, _SHORT = 12, 10_000

_encoder = msgspec.json.Encoder()
# By the name of the value's type or of one that it derives from; the first that fits.
_HINTS = {
    "Enum": "pass .value",
    "tuple": "pass a list",
    "set": "pass a list",
    "frozenset": "pass a list",
    "bytes": "pass text, for instance base64",
    "bytearray": "pass text, for instance base64",
    "datetime": "pass .isoformat() or .timestamp()",
    "date": "pass .isoformat()",
    "time": "pass .isoformat()",
    "timedelta": "pass .total_seconds()",
    "Decimal": "pass str() of it",
    "UUID": "pass str() of it",
    "PurePath": "pass str() of it",
    "str": "pass str() of it",
    "int": "pass int() of it",
    "float": "pass float() of it",
    "dict": "pass dict() of it",
    "list": "pass list() of it",
    "object": "pass its id, or plain values",
}


def check_arguments(name: str, args: Sequence[Any]) -> None:
    """Refuse arguments that JSON would change, or that are too large. No round trip.

    Args:
        name: The job's, for the message.
        args: Positional arguments.

    Raises:
        JobError: Names the culprit by its path, such as ``args[1].when``.

    Example:
        >>> check_arguments("resize", ["a.png", {"width": 800}])
        >>> check_arguments("resize", ["a.png", (800, 600)])
        Traceback (most recent call last):
        shiftboss.errors.JobError: resize: args[1]: tuple is not JSON; pass a list, got (800, 600)
    """
    if len(args) <= _FEW and all(_is_small(value) for value in args):
        return
    for index, value in enumerate(args):
        _check(name, f"args[{index}]", value, 1)
    check_size(name, len(_encoder.encode(args)))


def check_size(name: str, size: int) -> None:
    """Refuse a payload above the limit of 1 MiB.

    Args:
        name: The job's, for the message.
        size: Bytes of its payload, or of its arguments alone.

    Raises:
        JobError: Says how large it is.
    """
    if size > PAYLOAD_LIMIT:
        raise JobError(
            f"{name}: a job's payload may be {PAYLOAD_LIMIT:,} bytes, got {size:,}; store the data and pass where it is"
        )


def _is_small(value: Any) -> bool:
    kind = type(value)
    if kind is str:
        return len(value) <= _SHORT and bool(value.isascii())
    if kind is int:
        return bool(value.bit_length() <= 64)
    if kind is float:
        return math.isfinite(value)
    return value is None or kind is bool


def _check(name: str, path: str, value: Any, depth: int) -> None:
    kind = type(value)
    if kind is str:
        _check_text(name, path, value)
    elif kind is list or kind is dict:
        if depth > DEPTH_LIMIT:
            raise JobError(
                f"{name}: {path:.100}...: nested deeper than {DEPTH_LIMIT} levels, which JSON readers refuse; flatten it"
            )
        if kind is list:
            for index, item in enumerate(value):
                _check(name, f"{path}[{index}]", item, depth + 1)
        else:
            _check_object(name, path, value, depth)
    elif kind is float:
        if not math.isfinite(value):
            raise JobError(f"{name}: {path}: {value} is not JSON; pass None or a finite number")
    elif kind is int:
        if value.bit_length() > _BITS_LIMIT:
            raise JobError(
                f"{name}: {path}: an integer of {value.bit_length():,} bits is too long for JSON; pass it as text"
            )
    elif value is not None and kind is not bool:
        raise JobError(f"{name}: {path}: {kind.__name__} is not JSON; {_hint(value)}, got {reprlib.repr(value)}")


def _check_object(name: str, path: str, value: dict[Any, Any], depth: int) -> None:
    for key, item in value.items():
        if type(key) is not str:
            raise JobError(
                f"{name}: {path}: the key {reprlib.repr(key)} is {type(key).__name__}, which is not JSON; keys must be str"
            )
        inner = f"{path}.{key}" if key.isidentifier() else f"{path}[{reprlib.repr(key)}]"
        _check_text(name, inner, key)
        _check(name, inner, item, depth + 1)


def _check_text(name: str, path: str, value: str) -> None:
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            half = value[error.start]
            raise JobError(
                f"{name}: {path}: text with half a character, {half!a}, is not JSON; encode it again or escape it"
            ) from None


def _hint(value: Any) -> str:
    names = {base.__name__ for base in type(value).__mro__}
    return next(hint for name, hint in _HINTS.items() if name in names)
