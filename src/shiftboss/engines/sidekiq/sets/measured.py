"""`JobStats`: how often each job ran lately, and how long that took."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shiftboss.client import current_client
from shiftboss.engines.sidekiq.durations import quantile
from shiftboss.engines.sidekiq.sets import calls
from shiftboss.errors import ConfigError
from shiftboss.keys import SidekiqKeys
from shiftboss.plan import Plan, run_many

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.scripts import Call

# For so many minutes they are kept, one by one.
KEPT = 480

# What all jobs did in a minute, or some.
Minute = Mapping[bytes, bytes]


@dataclass(frozen=True, slots=True)
class JobMinute:
    """A minute of one job: when it began, runs that ended in it, and those of them that failed."""

    at: datetime
    runs: int
    failed: int


@dataclass(frozen=True, slots=True)
class JobStats:
    """How often a job ran in the last minutes, in Python and Ruby, and how long that took.

    Args:
        name: The job's.
        runs: Runs that ended, failed ones too.
        failed: Failed runs.
        seconds: What those took that succeeded, in all.
        buckets: How many of those took how long; see `shiftboss.engines.sidekiq.durations.ENDS`. Empty if it was not asked for.
        minutes: Minute by minute, oldest first, those in which one ended.
    """

    name: str
    runs: int
    failed: int
    seconds: float
    buckets: tuple[int, ...] = ()
    minutes: tuple[JobMinute, ...] = ()

    @property
    def mean(self) -> float | None:
        """Seconds that a run took that succeeded; None if none did."""
        return self.seconds / (self.runs - self.failed) if self.runs > self.failed else None

    def quantile(self, part: float) -> float | None:
        """Seconds within which so large a part of the runs ended that succeeded: where their bucket ends, which is infinity for
        the last; None if none did.
        """
        return quantile(self.buckets, part) if any(self.buckets) else None

    @classmethod
    def all(cls, minutes: int = 60, *, client: Shiftboss | None = None) -> list[JobStats]:
        """Those of all jobs that ran in the last minutes, most runs first. One round trip.

        Args:
            minutes: How far to look back, at most 480.
            client: Whose Redis; default the current client.

        Raises:
            ConfigError: A number of minutes that cannot be.

        Example:
            >>> from shiftboss import JobStats, Shiftboss
            >>> with Shiftboss("fake://job-stats-doc"):
            ...     JobStats.all()
            []
        """
        client = client or current_client()
        return client.perform(_all(client, _instants(minutes)))

    @classmethod
    async def aall(cls, minutes: int = 60, *, client: Shiftboss | None = None) -> list[JobStats]:
        """As `all`, for coroutines."""
        client = client or current_client()
        return await client.aperform(_all(client, _instants(minutes)))

    @classmethod
    def read(cls, names: Sequence[str], minutes: int = 60, *, client: Shiftboss | None = None) -> list[JobStats]:
        """Those of some jobs, with their buckets, in that order. One round trip, which reads `minutes` numbers of each."""
        client = client or current_client()
        return client.perform(_read(client, names, _instants(minutes)))

    @classmethod
    async def aread(cls, names: Sequence[str], minutes: int = 60, *, client: Shiftboss | None = None) -> list[JobStats]:
        """As `read`, for coroutines."""
        client = client or current_client()
        return await client.aperform(_read(client, names, _instants(minutes)))


def _instants(minutes: int) -> list[datetime]:
    if not isinstance(minutes, int) or isinstance(minutes, bool) or not 0 < minutes <= KEPT:
        raise ConfigError(f"expected minutes to be a number from 1 to {KEPT}, got {minutes!r}")
    now = datetime.now(UTC).replace(second=0, microsecond=0)
    return [now - timedelta(minutes=ago) for ago in reversed(range(minutes))]


def some(client: Shiftboss, minutes: int, choose: Callable[[Sequence[str]], Sequence[str]]) -> Plan[list[JobStats]]:
    """Those of jobs that are chosen by their names, of which those come first that ran most; with their buckets. Two round
    trips, of which the first reads what all jobs did. Without their minutes.
    """
    keys, instants = SidekiqKeys(client.namespace), _instants(minutes)
    counted = yield from run_many([calls.minute(keys.minute(at)) for at in instants])
    names = choose(_by_runs(counted))
    histograms = yield from run_many(_histograms(keys, names, instants))
    return [_sum(name, counted, buckets) for name, buckets in zip(names, histograms, strict=True)]


def _all(client: Shiftboss, instants: Sequence[datetime]) -> Plan[list[JobStats]]:
    keys = SidekiqKeys(client.namespace)
    counted = yield from run_many([calls.minute(keys.minute(at)) for at in instants])
    return [_with_minutes(_sum(name, counted), instants, counted) for name in _by_runs(counted)]


def _read(client: Shiftboss, names: Sequence[str], instants: Sequence[datetime]) -> Plan[list[JobStats]]:
    if not names:
        return []
    keys = SidekiqKeys(client.namespace)
    fields = [field for name in names for field in _fields(name)]
    asked: list[Any] = [calls.minute_of(keys.minute(at), fields) for at in instants]
    answers: list[Any] = yield from run_many(asked + _histograms(keys, names, instants))
    counted, histograms = answers[: len(instants)], answers[len(instants) :]
    sums = [_sum(name, counted, buckets) for name, buckets in zip(names, histograms, strict=True)]
    return [_with_minutes(one, instants, counted) for one in sums]


def _by_runs(counted: Sequence[Minute]) -> list[str]:
    """The names of all jobs, most runs first."""
    ran = {field for field in set[bytes]().union(*counted) if field.endswith(b"|p")}
    runs = {field.removesuffix(b"|p").decode(): _total(field, counted) for field in ran}
    return sorted(runs, key=lambda name: (-runs[name], name))


def _histograms(keys: SidekiqKeys, names: Sequence[str], instants: Sequence[datetime]) -> list[Call[Any]]:
    return [calls.histograms([keys.durations(name, at) for at in instants]) for name in names]


def _sum(name: str, counted: Sequence[Minute], buckets: Sequence[Sequence[int]] = ()) -> JobStats:
    runs, failed, ms = (_total(field, counted) for field in _fields(name))
    return JobStats(name, int(runs), int(failed), ms / 1000, tuple(map(sum, zip(*buckets, strict=True))))


def _with_minutes(stats: JobStats, instants: Sequence[datetime], counted: Sequence[Minute]) -> JobStats:
    ran, failed, _ = _fields(stats.name)
    minutes = tuple(
        JobMinute(at, int(minute[ran]), int(minute.get(failed, 0)))
        for at, minute in zip(instants, counted, strict=True)
        if ran in minute
    )
    return replace(stats, minutes=minutes)


def _total(field: bytes, counted: Sequence[Minute]) -> float:
    return sum(float(minute[field]) for minute in counted if field in minute)


def _fields(name: str) -> tuple[bytes, bytes, bytes]:
    """Of the runs, the failed ones, and the milliseconds."""
    return f"{name}|p".encode(), f"{name}|f".encode(), f"{name}|ms".encode()
