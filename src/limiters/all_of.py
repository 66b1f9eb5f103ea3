"""`all_of`: several limiters as one."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack, ExitStack
from typing import TYPE_CHECKING, Any, Never

from shiftboss.client import current_client
from shiftboss.errors import ConfigError
from shiftboss.plan import Plan, elsewhere, undo

from .grant import Grant
from .limits import Limits, Policy
from .within import NOTHING, Held

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


class AllOf(Limits["HeldTogether", Never]):
    """Admits what each of its limiters admits, asked in order. Make one with `all_of`."""

    policy: Policy = "raise"
    backoff = None

    def __init__(self, limits: tuple[Limits, ...]) -> None:
        if not limits:
            raise ConfigError("all_of needs at least one limiter, got none")
        for one in limits:
            if not isinstance(one, Limits):
                raise ConfigError(f"expected all_of to be given limiters, got {one!r}")
        self.limits: tuple[Limits, ...] = tuple(
            part for one in limits for part in (one.limits if isinstance(one, AllOf) else [one])
        )
        self.name = "+".join(one.name for one in limits)
        self.wait_timeout = sum(one.wait_timeout for one in limits)
        # As often as the most patient one says.
        self.reschedule = max(getattr(one, "reschedule", 0) for one in limits)

    def take(self, client: Shiftboss, cost: int, wait: float) -> Plan[HeldTogether]:
        """Take of each in order, each with its own `wait_timeout` unless `wait` is 0; all or nothing."""
        deadline = time.monotonic() + min(wait, self.wait_timeout)
        parts: list[Held] = []
        try:
            for one in self.limits:
                parts.append((yield from _take(one, client, cost, wait)))  # noqa: PERF401  a yield
            while (yield from self._hold_on(parts, client, deadline)):
                pass
        except BaseException:
            for held in reversed(parts):
                yield from undo(give_back(held))
            raise
        return HeldTogether(tuple(parts))

    def _hold_on(self, parts: list[Held], client: Shiftboss, deadline: float) -> Plan[bool]:
        """Renew the slots whose lease is on its way out, because a later limiter was waited for, and take those anew that were
        lost; whether one had to be waited for, too.
        """
        waited = False
        for number, held in enumerate(parts):
            if not isinstance(held, Grant) or held.remaining > held.lease / 2 or (yield from held.keep()):
                continue
            parts[number] = NOTHING
            left = max(0.0, deadline - time.monotonic())
            parts[number] = yield from _take(self.limits[number], client, 1, left)
            waited = waited or left > 0
        return waited

    def _client(self) -> Shiftboss:
        return current_client()

    def __repr__(self) -> str:
        return f"limiters.all_of({', '.join(map(repr, self.limits))})"


def _take(one: Limits, client: Shiftboss, cost: int, wait: float) -> Plan[Held]:
    """Take of one limiter, on its own Redis."""
    own = getattr(one, "client", None) or client
    # Only points and windows have costs that differ from use to use; a slot is a slot.
    taking: Plan[Held] = one.take(
        own, cost if getattr(one, "kind", "") != "concurrent" else 1, min(wait, one.wait_timeout)
    )
    return (yield from (taking if own is client else elsewhere(own, taking)))


class HeldTogether:
    """What several limiters gave, in their order."""

    def __init__(self, parts: tuple[Any, ...]) -> None:
        self.parts = parts

    def release(self) -> bool:
        """Give back what can be; whether any was."""
        released: list[bool] = []
        with ExitStack() as ending:  # whatever happens to one, the others are given back
            for part in self.parts:
                ending.callback(lambda part: released.append(part.release()), part)
        return any(released)

    async def arelease(self) -> bool:
        """As `release`, for coroutines."""
        released: list[bool] = []

        async def let_go(part: Any) -> None:
            released.append(await part.arelease())

        async with AsyncExitStack() as ending:
            for part in self.parts:
                ending.push_async_callback(let_go, part)
        return any(released)

    def give_back(self) -> Plan[None]:
        """Give all of it back unused, as a plan."""
        for part in reversed(self.parts):
            yield from give_back(part)


def give_back(held: Held) -> Plan[None]:
    """Give back what was taken and not used, as a plan: units as well as slots."""
    back = getattr(held, "give_back", None)
    if back is not None:
        yield from back()


def all_of(*limits: Limits) -> AllOf:
    """Several limiters as one: what it admits, each of them has admitted. They are asked in this order; what was taken of the
    first ones is given back when a later one refuses.

    Args:
        limits: Limiters.

    Raises:
        ConfigError: None, or something that is no limiter.

    Example:
        >>> from shiftboss import Shiftboss, limiters
        >>> both = limiters.all_of(limiters.window("api", 100, "minute"), limiters.concurrent("api-open", 5))
        >>> with Shiftboss("fake://"), both.within_limit():
        ...     pass
    """
    return AllOf(limits)
