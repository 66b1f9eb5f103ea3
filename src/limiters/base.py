"""What all limiters have in common: how one is held, and what is said of it beside its size."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, ClassVar, Literal, cast

from redis.exceptions import RedisError

from shiftboss import events
from shiftboss.client import Shiftboss, current_client
from shiftboss.config import check_seconds
from shiftboss.errors import ConfigError, OverLimit
from shiftboss.keys import CountKeys
from shiftboss.plan import Plan, run, run_many

from . import calls, outage
from .counters import Minute, Totals
from .counting import counting
from .definition import YEAR, check_choice, check_count, check_name
from .limits import Given_co, Limits, Policy, Skipped_co
from .patience import within
from .registry import is_written, register
from .state import LimiterState
from .within import NOTHING

OnOutage = Literal["raise", "allow", "deny"]
Duration = timedelta | float
# Minutes for which it is kept what was counted in each.
HISTORY = 480


@dataclass(frozen=True, kw_only=True)
class Limiter(Limits[Given_co, Skipped_co]):
    """One limiter. It is its definition: cheap, immutable, and picklable without its client.

    Args:
        name: What it is known by; processes that use the same name share it.
        wait_timeout: Seconds to wait for room; 0 does not wait.
        policy: ``raise`` OverLimit, or ``skip`` a decorated call.
        ttl: Seconds for which it is remembered unused.
        reschedule: How often in a row a job that was refused is put back before that is a failure like others.
        backoff: Given the limiter, the job and the error, seconds until a job that was refused runs again; None from it, or
            instead of it, means the usual.
        on_outage: While Redis is away: ``raise`` its error, ``allow`` everything, or ``deny`` with OverLimit.
        client: Whose Redis; default the current client when it is used.
    """

    name: str
    wait_timeout: float = 5.0
    policy: Policy = "raise"
    ttl: float = 90 * 86400.0
    reschedule: int = 20
    backoff: Callable[[Any, Any, BaseException], float | None] | None = field(default=None, hash=False)
    on_outage: OnOutage = "raise"
    client: Shiftboss | None = field(default=None, compare=False, repr=False)

    kind: ClassVar[str]

    def __post_init__(self) -> None:
        check_name(self.name)
        check_choice("policy", self.policy, ("raise", "skip"))
        check_choice("on_outage", self.on_outage, ("raise", "allow", "deny"))
        check_seconds("wait_timeout", self.wait_timeout, zero=True, at_most=YEAR)
        check_seconds("ttl", self.ttl, at_most=10 * YEAR)
        check_count("reschedule", self.reschedule, least=0)
        if self.backoff is not None and not callable(self.backoff):
            raise ConfigError(f"expected backoff to be a function of limiter, job and error, got {self.backoff!r}")
        if not isinstance(self.client, Shiftboss | None):
            raise ConfigError(
                f"limiter {self.name!r}: expected client to be a Shiftboss client, as Shiftboss(url) makes one, got {self.client!r}"
            )

    @property
    @abstractmethod
    def size(self) -> int:
        """How many units there are in all."""

    @cached_property
    def mark(self) -> int:
        """What tells its definition from others, to this process."""
        return hash((self.kind, self))

    def definition(self) -> dict[str, Any]:
        """What is said of it, for those who list limiters: enough to make it again."""
        left_out = {"name", "client", "backoff"}
        return {one.name: getattr(self, one.name) for one in fields(self) if one.name not in left_out}

    def peek(self) -> LimiterState:
        """How it is used now. One round trip; it changes nothing."""
        client = self._client()
        return client.perform(self.look(client))

    async def apeek(self) -> LimiterState:
        """As `peek`, for coroutines."""
        client = self._client()
        return await client.aperform(self.look(client))

    def reset(self) -> None:
        """Make it as if nothing had been taken of it. One round trip."""
        client = self._client()
        client.perform(self.forget(client))

    async def areset(self) -> None:
        """As `reset`, for coroutines."""
        client = self._client()
        await client.aperform(self.forget(client))

    def counters(self) -> Totals:
        """What was counted of it in all processes. Each sends what it counted with a call a second or more later, or at its end.

        One round trip, and one more where this process had counted something.
        """
        client = self._client()
        return client.perform(self.counted(client))

    async def acounters(self) -> Totals:
        """As `counters`, for coroutines."""
        client = self._client()
        return await client.aperform(self.counted(client))

    def history(self, minutes: int = HISTORY) -> list[Minute]:
        """What was counted of it minute by minute, the oldest first; minutes in which nothing was are left out.

        One round trip, and one more where this process had counted something.

        Args:
            minutes: How many, with this one; at most 480.
        """
        client = self._client()
        return client.perform(self._history(client, minutes))

    async def ahistory(self, minutes: int = HISTORY) -> list[Minute]:
        """As `history`, for coroutines."""
        client = self._client()
        return await client.aperform(self._history(client, minutes))

    def counted(self, client: Shiftboss) -> Plan[Totals]:
        """What `counters` does, as a plan."""
        yield from run_many(counting(client).of(self))
        return Totals.of((yield from run(calls.counts(self._counts(client).counts))), 0)

    def _history(self, client: Shiftboss, minutes: int) -> Plan[list[Minute]]:
        check_count("minutes", minutes, most=HISTORY)
        yield from run_many(counting(client).of(self))
        now, found = yield from run(calls.history(self._counts(client).minutes))
        first = datetime.fromtimestamp((now - minutes + 1) * 60, UTC)
        return sorted((one for one in map(Minute.of, found) if one.at >= first), key=lambda one: one.at)

    def forget_counts(self, client: Shiftboss) -> Plan[None]:
        """Make it as if nothing had been counted."""
        counting(client).of(self)
        names = self._counts(client)
        yield from run(calls.drop(names.counts, names.minutes))

    def _counts(self, client: Shiftboss) -> CountKeys:
        return CountKeys(client.namespace, self.kind, self.name)

    def take(self, client: Shiftboss, cost: int, wait: float) -> Plan[Given_co]:
        """What `acquire` does, as a plan."""
        self.check_cost(cost)
        try:
            if not is_written(self, client):
                yield from register(self, client, within(wait))
            return (yield from self.ask(client, cost, wait))
        except OverLimit as refusal:
            counting(client).refuse(self)
            events.emit("limiter.over_limit", limiter=self.name, kind=self.kind, retry_after=refusal.retry_after)
            raise
        except (RedisError, OSError) as error:
            if self.on_outage == "raise":
                raise
            outage.tell(self, error)
            if self.on_outage == "allow":
                return cast("Given_co", NOTHING)  # it has all that any grant has
            raise OverLimit(
                f"limiter {self.name!r}: Redis could not be asked: {error}", self.name, None, self
            ) from error

    def check_cost(self, cost: int) -> None:
        """Refuse a cost that could never be admitted.

        Raises:
            ConfigError: That is so, or it is no number of units.
        """
        if not isinstance(cost, int) or isinstance(cost, bool) or cost < 1:
            raise ConfigError(f"limiter {self.name!r}: expected cost to be a number of units, 1 or more, got {cost!r}")
        if cost > self.size:
            raise ConfigError(
                f"limiter {self.name!r}: a cost of {cost:,} is above the limit of {self.size:,} and can never be admitted"
            )

    @abstractmethod
    def ask(self, client: Shiftboss, cost: int, wait: float) -> Plan[Given_co]:
        """Take units within `wait` seconds; `OverLimit` if that cannot be."""

    @abstractmethod
    def look(self, client: Shiftboss) -> Plan[LimiterState]:
        """What `peek` does, as a plan."""

    @abstractmethod
    def forget(self, client: Shiftboss) -> Plan[None]:
        """What `reset` does, as a plan."""

    def _client(self) -> Shiftboss:
        return self.client or current_client()

    def __reduce__(self) -> tuple[Any, ...]:
        said = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "client"}
        return _restore, (type(self), said)


def _restore(kind: type[Limiter], said: dict[str, Any]) -> Limiter:
    return kind(**said)
