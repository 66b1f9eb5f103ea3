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


def decorate(limits: Limits, function: Callable[P, R]) -> Callable[P, R]:
    """The function, each call of which is within the limit.

    Raises:
        ConfigError: A generator function: what it does is done after the call.
    """
    if isgeneratorfunction(function) or isasyncgenfunction(function):
        block = "async with" if isasyncgenfunction(function) else "with"
        raise ConfigError(
            f"limiter {limits.name!r} cannot limit the generator function {getattr(function, '__name__', function)!r}, which "
            f"runs after the call; write {block} limiter.within_limit(): inside it"
        )
    if iscoroutinefunction(function):
        return cast("Callable[P, R]", _coroutine(limits, function))

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
