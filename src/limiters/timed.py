"""`TimedLimiter`: limiters whose units come back with time. A waiter reserves its own units and sleeps until they are there:
no herd, no polling, first come first served.
"""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, cast

from shiftboss import events, keys
from shiftboss.errors import OverLimit
from shiftboss.plan import Plan, at_last, carry, elsewhere, run, undo
from shiftboss.scripts import Call

from . import calls
from .base import Limiter
from .counting import counting
from .limits import Given_co, Skipped_co
from .patience import rest, telling, within
from .state import Answer, LimiterState

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


@dataclass(frozen=True, slots=True)
class Taken:
    """What was taken.

    Args:
        cost: Units.
        asked: When, by this process's monotonic clock.
        answer: What the limiter said.
    """

    cost: int
    asked: float
    answer: Answer


class Permit:
    """Units that were taken. They come back with time, not when the block ends."""

    __slots__ = ("_client", "_limiter", "taken")

    def __init__(self, limiter: TimedLimiter, client: Shiftboss, taken: Taken) -> None:
        self._limiter = limiter
        self._client = client
        self.taken = taken

    def release(self) -> bool:
        """Nothing: time gives units back. False."""
        return False

    async def arelease(self) -> bool:
        """As `release`, for coroutines."""
        return False

    def give_back(self) -> Plan[None]:
        """Give the units back unused, as a plan for any client. Twice is once."""
        taken, self.taken = self.taken, replace(self.taken, cost=0)
        if taken.cost:
            patience = telling(self._limiter, self._client)
            back = at_last(self._limiter.returning(self._limiter.key(self._client), taken), seconds=patience)
            yield from elsewhere(self._client, back)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._limiter.name!r}, cost={self.taken.cost})"


@dataclass(frozen=True, kw_only=True)
class TimedLimiter(Limiter[Given_co, Skipped_co]):
    """What bucket, window, leaky and points have in common."""

    permit: ClassVar[type[Permit]] = Permit

    def key(self, client: Shiftboss) -> str:
        """Its one key."""
        return keys.timed_limiter(client.namespace, self.kind, self.name)

    def ask(self, client: Shiftboss, cost: int, wait: float) -> Plan[Given_co]:
        """Take units now, or reserve them if they come within `wait` seconds."""
        key, asked = self.key(client), time.monotonic()
        counted = counting(client)
        taking, counts, patience = self.taking(key, cost, wait), counted.due(self), within(wait)
        answer = yield from carry(taking, counts, patience)
        if answer.seconds < 0:
            reason, state = _refusal(self, cost, -answer.seconds, wait), self.state(answer.refused)
            raise OverLimit(reason, self.name, -answer.seconds, self, state)
        taken = Taken(cost, asked, answer)
        if answer.seconds > 0:
            try:
                yield from rest(answer.seconds)
            except BaseException:
                yield from undo(at_last(self.returning(key, taken), seconds=telling(self, client)))
                raise
            counted.admit(self, time.monotonic() - asked)
            events.emit("limiter.waited", limiter=self.name, kind=self.kind, seconds=time.monotonic() - asked)
        else:
            counted.admit(self)
        return cast("Given_co", self.permit(self, client, taken))

    def look(self, client: Shiftboss) -> Plan[LimiterState]:
        """How it is used at this instant."""
        return self.state((yield from run(self.looking(self.key(client)))))

    def forget(self, client: Shiftboss) -> Plan[None]:
        """Make it as if nothing had been taken."""
        yield from run(calls.drop(self.key(client)))

    @abstractmethod
    def taking(self, key: str, cost: int, wait: float) -> Call[Answer]:
        """The call that takes units."""

    @abstractmethod
    def looking(self, key: str) -> Call[Sequence[int]]:
        """The call that looks at it, which changes nothing."""

    @abstractmethod
    def state(self, found: Sequence[int]) -> LimiterState:
        """How it is used, of what that call has found."""

    @abstractmethod
    def returning(self, key: str, taken: Taken) -> Call[Any]:
        """The call that gives units back, as far as nobody has built on their being taken."""


def _refusal(limiter: TimedLimiter, cost: int, after: float, wait: float) -> str:
    units = "a unit" if cost == 1 else f"{cost:,} units"
    waited = f", longer than the {wait:g} s that may be waited" if wait else ""
    return f"limiter {limiter.name!r}: {units} of {limiter.size:,} come free in {after:.3g} s{waited}"
