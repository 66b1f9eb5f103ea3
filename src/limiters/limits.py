"""`Limits`: what everything that admits or refuses has in common: limiters, and several of them as one."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Generic, Literal, ParamSpec, TypeVar, overload

from shiftboss.client import Shiftboss
from shiftboss.errors import OverLimit
from shiftboss.loops import warn_in_event_loop
from shiftboss.plan import Plan

from .decorating import decorate
from .within import Within

P = ParamSpec("P")
R = TypeVar("R")
Policy = Literal["raise", "skip"]

if TYPE_CHECKING:
    # Only type checkers know defaults of these before Python 3.13. With them, an annotation may name a limiter alone.
    from typing_extensions import TypeVar as TypeVarWithDefault

    Given_co = TypeVarWithDefault("Given_co", covariant=True, default=Any)
    Skipped_co = TypeVarWithDefault("Skipped_co", covariant=True, default=Any)
else:
    Given_co = TypeVar("Given_co", covariant=True)
    Skipped_co = TypeVar("Skipped_co", covariant=True)


class Limits(ABC, Generic[Given_co, Skipped_co]):
    """Something that admits or refuses: a limiter, or several as one.

    To a type checker it has two parameters: what it gives, and what a decorated call returns beside its own value: nothing,
    or with ``policy="skip"`` None.
    """

    name: str
    policy: Policy
    wait_timeout: float

    def within_limit(self, cost: int = 1) -> Within[Given_co]:
        """A block that is within the limit, for ``with`` and ``async with``; it gives what `acquire` does.

        Args:
            cost: Units; a concurrent limiter has slots, of which a block takes one.

        Raises:
            OverLimit: At its beginning, if there was no room within `wait_timeout`.
        """
        return Within(self, cost)

    def acquire(self, cost: int = 1) -> Given_co:
        """Room, waiting for at most `wait_timeout`. One round trip if there is some.

        Raises:
            OverLimit: There was none in time, or it is known that there will be none: at once.
            ConfigError: The cost can never be admitted.
            RedisError: Redis could not be asked in time, unless `on_outage` says what that means.
        """
        if self.wait_timeout:
            warn_in_event_loop("waiting at a limiter", "async with limiter.within_limit()")
        client = self._client()
        return client.perform(self.take(client, cost, self.wait_timeout))

    async def aacquire(self, cost: int = 1) -> Given_co:
        """As `acquire`, for coroutines."""
        client = self._client()
        return await client.aperform(self.take(client, cost, self.wait_timeout))

    def try_acquire(self, cost: int = 1) -> Given_co | None:
        """Room if there is some now, else None. One round trip."""
        client = self._client()
        return client.perform(_or_none(self.take(client, cost, 0.0)))

    async def atry_acquire(self, cost: int = 1) -> Given_co | None:
        """As `try_acquire`, for coroutines."""
        client = self._client()
        return await client.aperform(_or_none(self.take(client, cost, 0.0)))

    def enter(self) -> Given_co:
        """Room if there is some now: what an engine asks for a job. One round trip.

        Raises:
            OverLimit: There is none.
        """
        client = self._client()
        return client.perform(self.take(client, 1, 0.0))

    async def aenter(self) -> Given_co:
        """As `enter`, for coroutines."""
        client = self._client()
        return await client.aperform(self.take(client, 1, 0.0))

    @overload
    def limit(
        self, function: Callable[P, Coroutine[Any, Any, R]]
    ) -> Callable[P, Coroutine[Any, Any, R | Skipped_co]]: ...
    @overload
    def limit(self, function: Callable[P, R]) -> Callable[P, R | Skipped_co]: ...
    def limit(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Decorate a function or a coroutine function: each call is within the limit.

        With ``policy="skip"`` a call for which there is no room returns None, and the function is not called.

        Raises:
            ConfigError: No function; a generator function, which runs after the call: put the block inside it; or a job: put
                this decorator under the one that makes it a job.
        """
        return decorate(self, function)

    @abstractmethod
    def take(self, client: Shiftboss, cost: int, wait: float) -> Plan[Given_co]:
        """What `acquire` does, as a plan."""

    @abstractmethod
    def _client(self) -> Shiftboss:
        """Whose Redis it is on."""


def _or_none(plan: Plan[R]) -> Plan[R | None]:
    try:
        return (yield from plan)
    except OverLimit:
        return None
