"""What a limiter gives: leave that is held until it is given back, and the block that does both."""

from __future__ import annotations

from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Protocol

from redis.exceptions import RedisError

from shiftboss.errors import ConfigError

if TYPE_CHECKING:
    from .base import Limits


class Held(Protocol):
    """What a limiter gave, until it is given back."""

    def release(self) -> bool:
        """Give it back, if that is possible; whether it was."""

    async def arelease(self) -> bool:
        """As `release`, for coroutines."""


class Free:
    """Leave that needs not be given back."""

    def release(self) -> bool:
        return False

    async def arelease(self) -> bool:
        return False

    def correct(self, cost: int) -> None:
        """Nothing was taken, so nothing is corrected."""


NOTHING = Free()


class Holding:
    """A block at whose end something is given back.

    Where an error ends the block, none of Redis takes its place: a cancellation stays one, and what was held ends with its
    lease.
    """

    def __init__(self, held: Held | None = None) -> None:
        self._held: Any = held

    def __enter__(self) -> Any:
        return self._held

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(*_lesser(error)):
            self._held.release()

    async def __aenter__(self) -> Any:
        return self._held

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(*_lesser(error)):
            await self._held.arelease()


class Within(Holding):
    """One block within a limit; `Limits.within_limit` makes a new one for each."""

    def __init__(self, limits: Limits, cost: int) -> None:
        super().__init__()
        self._limits = limits
        self._cost = cost

    def __enter__(self) -> Any:
        self._check()
        self._held = self._limits.acquire(self._cost)
        return self._held

    async def __aenter__(self) -> Any:
        self._check()
        self._held = await self._limits.aacquire(self._cost)
        return self._held

    def _check(self) -> None:
        if self._held is not None:
            raise ConfigError(f"limiter {self._limits.name!r}: call within_limit() anew for each block")


def _lesser(error: BaseException | None) -> tuple[type[Exception], ...]:
    return (RedisError, OSError) if error is not None else ()
