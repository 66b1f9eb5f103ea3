"""Decorating a function or a coroutine function with a limiter."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from inspect import isasyncgenfunction, iscoroutinefunction, isgeneratorfunction
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

from shiftboss.errors import ConfigError, OverLimit

from .within import Holding

if TYPE_CHECKING:
    from .limits import Limits

P = ParamSpec("P")
R = TypeVar("R")
# By which of these an engine's jobs are known.
PUSHES = ("perform_async", "delay", "send", "kiq")


def decorate(limits: Limits, function: Callable[P, R]) -> Callable[P, R]:
    """The function, each call of which is within the limit.

    Raises:
        ConfigError: No function; a generator function, which does what it does after the call; or a job, which could not be
            pushed any more.
    """
    _check(limits, function)
    if iscoroutinefunction(function) or iscoroutinefunction(type(function).__call__):
        return cast("Callable[P, R]", _coroutine(limits, cast("Callable[P, Coroutine[Any, Any, Any]]", function)))

    @wraps(function)
    def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            held = limits.acquire()
        except OverLimit:
            if limits.policy == "skip":
                return cast("R", None)
            raise
        with Holding(held):
            return function(*args, **kwargs)

    return limited


def _coroutine(limits: Limits, function: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    @wraps(function)
    async def limited(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            held = await limits.aacquire()
        except OverLimit:
            if limits.policy == "skip":
                return cast("R", None)
            raise
        async with Holding(held):
            return await function(*args, **kwargs)

    return limited


def _check(limits: Limits, function: Callable[..., Any]) -> None:
    """Refuse what would not be limited as a whole, or would lose what it is for."""
    if not callable(function):
        raise ConfigError(f"limiter {limits.name!r}: expected limit to be given a function, got {function!r}")
    if any(hasattr(function.__class__, push) for push in PUSHES):
        name = getattr(function, "__name__", None) or getattr(function, "name", None) or function
        raise ConfigError(
            f"limiter {limits.name!r} cannot limit {name!r}, which is a job already; put the limiter's decorator under the one "
            f"that makes it a job"
        )
    if isgeneratorfunction(function) or isasyncgenfunction(function):
        block = "async with" if isasyncgenfunction(function) else "with"
        raise ConfigError(
            f"limiter {limits.name!r} cannot limit the generator function {getattr(function, '__name__', function)!r}, which "
            f"runs after the call; write {block} limiter.within_limit(): inside it"
        )
