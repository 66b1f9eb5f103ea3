"""What several commands' replies mean. All come as the second version of the protocol has them: lists of bytes, flat."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

T = TypeVar("T")


def texts(reply: Iterable[bytes]) -> list[str]:
    """A list of texts."""
    return [one.decode() for one in reply]


def maybe_texts(reply: Iterable[bytes | None]) -> list[str | None]:
    """Texts, some of which may not be there."""
    return [None if one is None else one.decode() for one in reply]


def sorted_texts(reply: Iterable[bytes]) -> list[str]:
    """The members of a set, in order."""
    return sorted(texts(reply))


def pairs(reply: Sequence[T]) -> Iterable[tuple[T, T]]:
    """What stands in twos: fields and values, members and scores."""
    return zip(reply[::2], reply[1::2], strict=True)


def text_fields(reply: Sequence[bytes]) -> dict[str, str]:
    """A hash of texts."""
    return {name.decode(): value.decode() for name, value in pairs(reply)}


def instants(reply: Sequence[bytes]) -> list[tuple[str, int]]:
    """The members of a sorted set with their scores, which are milliseconds."""
    return [(member.decode(), int(float(at))) for member, at in pairs(reply)]
