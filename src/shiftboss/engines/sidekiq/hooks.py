"""Functions of the user's that a worker process calls as it lives.

@on_startup
def open_pool(): ...

@on_death
def tell(job, error): ...
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, TypeVar

log = logging.getLogger("shiftboss.worker")
F = TypeVar("F", bound=Callable[..., Any])


class Hook:
    """Functions for one moment; call it to add one, as a decorator. What they raise is logged and keeps nothing up."""

    def __init__(self, name: str, *, backwards: bool = False) -> None:
        self._name = name
        self._backwards = backwards
        self._functions: tuple[Callable[..., Any], ...] = ()

    def __call__(self, function: F) -> F:
        """Add a function."""
        self._functions = (*self._functions, function)
        return function

    def remove(self, function: Callable[..., Any]) -> None:
        """Take a function out; one that is not there is no matter."""
        self._functions = tuple(one for one in self._functions if one is not function)

    def __repr__(self) -> str:
        return f"<hook {self._name}>"

    def fire(self, *given: Any) -> None:
        """Call them, the last one first where that undoes what was done."""
        for function in reversed(self._functions) if self._backwards else self._functions:
            try:
                function(*given)
            except BaseException:
                log.exception("%s: %s failed", self._name, getattr(function, "__qualname__", function))


# Before the first job is taken; when no more are taken; when all have ended; at each sign of life, every 10 seconds.
on_startup = Hook("on_startup")
on_quiet = Hook("on_quiet")
on_shutdown = Hook("on_shutdown", backwards=True)
on_heartbeat = Hook("on_heartbeat")
# A job (as `current_job` returned it, or None if it could not be read) will not run again; and its error.
on_death = Hook("on_death")
