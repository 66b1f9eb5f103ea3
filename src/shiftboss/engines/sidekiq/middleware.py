"""Middleware: functions of the user's around every push and around every run.

    @client_middleware
    def tag_tenant(message, push):          # in the process that pushes; not calling push keeps the job back
        push(replace(message, options={**message.options, "tenant": tenant.get()}))

    @server_middleware
    def set_tenant(message, run):           # in the worker, around jobs that are functions
        with tenants.current(message.options.get("tenant")):
            return run()

    @server_middleware
    async def aset_tenant(message, run):    # around jobs that are coroutine functions
        with tenants.current(message.options.get("tenant")):
            return await run()

The first that was registered is the outermost. Where nothing is registered it costs nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from shiftboss.errors import ConfigError
from shiftboss.jobs import Message

Push = Callable[[Message], None]
Run = Callable[[], Any]
ClientMiddleware = Callable[[Message, Push], Any]
ServerMiddleware = Callable[[Message, Run], Any]
F = TypeVar("F", bound=Callable[..., Any])


class Chain(Generic[F]):
    """Registered functions in their order; call it to register one, as a decorator."""

    def __init__(self, name: str) -> None:
        self._name = name
        self.links: tuple[F, ...] = ()

    def __call__(self, function: F) -> F:
        """Register a function, innermost of all so far.

        Raises:
            ConfigError: It cannot be called with a message and what comes next.
        """
        try:
            inspect.signature(function).bind(None, None)
        except (TypeError, ValueError):
            raise ConfigError(
                f"expected {self._name} to be a function of a message and what comes next, got {function!r}"
            ) from None
        self.links = (*self.links, function)
        return function

    def remove(self, function: F) -> None:
        """Take a function out; one that is not in it is no matter."""
        self.links = tuple(link for link in self.links if link is not function)


client_middleware: Chain[ClientMiddleware] = Chain("client middleware")
server_middleware: Chain[ServerMiddleware] = Chain("server middleware")


def to_push(message: Message) -> Message | None:
    """What is pushed instead of a message; None if a middleware keeps it back."""
    links = client_middleware.links
    if not links:
        return message
    passed: list[Message] = []

    def push(i: int, message: Message) -> None:
        if i == len(links):
            passed.append(message)
        else:
            links[i](message, lambda changed: push(i + 1, changed))

    push(0, message)
    return passed[-1] if passed else None


def around(message: Message, run: Run, *, is_async: bool) -> Run:
    """A run with the middleware around it: functions around functions, coroutine functions around coroutine functions."""
    for link in reversed(server_middleware.links):
        if inspect.iscoroutinefunction(link) is is_async:
            run = _link(link, message, run)
    return run


def _link(link: ServerMiddleware, message: Message, run: Run) -> Run:
    return lambda: link(message, run)
