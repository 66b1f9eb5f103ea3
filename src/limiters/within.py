"""What a limiter gives: leave that is held until it is given back, and the block that does both."""

from __future__ import annotations

import math
import sys
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from redis.exceptions import RedisError

from shiftboss.errors import ConfigError

from .renewing import Lost

if TYPE_CHECKING:
    from .limits import Limits

H = TypeVar("H")


class Held(Protocol):
    """What a limiter gave, until it is given back."""

    def release(self) -> bool:
        """Give it back, if that is possible; whether it was."""

    async def arelease(self) -> bool:
        """As `release`, for coroutines."""


class Free:
    """Leave that was not taken of anything: to use as a `Grant` or a `PointsGrant`, and nothing needs be given back.

    Args:
        fence: 0: who knows a fence of a grant refuses it.
        lost: It never is.
        lease: Seconds for which it is held: without end.
        remaining: As `lease`.
    """

    fence = 0
    lease = remaining = math.inf

    def __init__(self) -> None:
        self.lost = Lost()

    def release(self) -> bool:
        """Nothing. False: nothing was held."""
        return False

    async def arelease(self) -> bool:
        """As `release`, for coroutines."""
        return False

    def renew(self) -> bool:
        """Nothing. True: it has not ended."""
        return True

    async def arenew(self) -> bool:
        """As `renew`, for coroutines."""
        return True

    def correct(self, cost: int) -> int:  # noqa: ARG002
        """Nothing: no point was taken, and there is no end of them."""
        return sys.maxsize

    async def acorrect(self, cost: int) -> int:
        """As `correct`, for coroutines."""
        return self.correct(cost)


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


class Within(Holding, Generic[H]):
    """One block within a limit; `Limits.within_limit` makes a new one for each."""

    def __init__(self, limits: Limits[H, Any], cost: int) -> None:
        super().__init__()
        self._limits = limits
        self._cost = cost

    def __enter__(self) -> H:
        self._check()
        held = self._held = self._limits.acquire(self._cost)
        return held

    async def __aenter__(self) -> H:
        self._check()
        held = self._held = await self._limits.aacquire(self._cost)
        return held

    def _check(self) -> None:
        if self._held is not None:
            raise ConfigError(f"limiter {self._limits.name!r}: call within_limit() anew for each block")


def _lesser(error: BaseException | None) -> tuple[type[Exception], ...]:
    return (RedisError, OSError) if error is not None else ()
