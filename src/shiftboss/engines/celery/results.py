"""The result of a task that an open jobs block keeps: its id is known, but to wait for it there would never end."""

from __future__ import annotations

from typing import Any, NoReturn

from shiftboss.errors import JobError


def guard(result: Any) -> Any:
    """Let nobody wait for this result until it is released."""
    result.__class__ = _guard_class(type(result))
    return result


def release(result: Any) -> None:
    """Its task has been published."""
    plain = getattr(type(result), "plain", None)
    if plain is not None:
        result.__class__ = plain


_guarded: dict[type, type] = {}


def _guard_class(plain: type) -> type:
    if plain not in _guarded:
        members = {"get": _refuse, "wait": _refuse, "collect": _refuse, "__reduce__": _reduce, "plain": plain}
        _guarded[plain] = type(plain.__name__, (plain,), members)
    return _guarded[plain]


def _refuse(self: Any, *_: Any, **__: Any) -> NoReturn:
    raise JobError(f"task {self.id} is not published before its jobs block has ended; wait for it after that")


def _reduce(self: Any) -> Any:
    plain = type(self).plain
    function, *rest = plain.__reduce__(self)
    return (plain if function is type(self) else function, *rest)
