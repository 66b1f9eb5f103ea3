"""`once`: a `cached_property` that is made once for all threads. That of functools has had no lock since Python 3.12."""

from __future__ import annotations

import os
import threading
from functools import cached_property
from typing import Any, Self, TypeVar, overload

T_co = TypeVar("T_co", covariant=True)
# One for all: what is made may need another that is made once, of the same object or of one that it was given.
_making = threading.RLock()


class once(cached_property[T_co]):  # noqa: N801  # a decorator, named like the one it is
    """For what two threads must not have one each of: connections, a server, what registers itself with an engine.

    Example:
        >>> class Desk:
        ...     @once
        ...     def lamp(self) -> object:
        ...         return object()
        >>> desk = Desk()
        >>> desk.lamp is desk.lamp
        True
    """

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...

    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T_co: ...

    def __get__(self, instance: object | None, owner: type[Any] | None = None) -> Any:
        with _making:
            # Another thread may have made it while this one waited: the parent looks before it makes.
            return super().__get__(instance, owner)


def _begin_anew() -> None:
    """In a forked child: the lock may be held by a thread that the child does not have."""
    global _making
    _making = threading.RLock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_anew)
