"""What names a pushed job."""

from __future__ import annotations


class JobId(str):
    """The id of a pushed job: 24 hex digits, a str, which may be an argument of another job.

    Not awaitable: `perform_async` has pushed when it returns it.
    """

    __slots__ = ()


def as_text(value: object) -> str:
    """The plain str of an id, for a JSON encoder, which knows none of its own.

    Raises:
        TypeError: It is something else.
    """
    if isinstance(value, JobId):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
