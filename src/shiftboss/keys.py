"""Every key's name. No other file builds one, and Lua never does; `shiftboss.catalogue` says what each is.

Keys of our own begin with the namespace (``sb``); what must change together carries one hash tag. Sidekiq's keys have
the names its protocol fixes, so that Ruby processes and its dashboard find them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

SHARDS = 256
# Goes up when a release writes something that the one before would misread.
LAYOUT = 1


def shards(namespace: str) -> list[ShardKeys]:
    """The keys of every shard."""
    return [ShardKeys(namespace, f"{number:02x}") for number in range(SHARDS)]


def shard_of(bid: str) -> str:
    """The two hex digits that name a batch's shard."""
    return bid[:2]


@dataclass(frozen=True, slots=True)
class ShardKeys:
    """What all batches of one shard share; one slot."""

    namespace: str
    shard: str

    @property
    def _tag(self) -> str:
        return f"{self.namespace}:{{b{self.shard}}}"

    @property
    def index(self) -> str:
        return f"{self._tag}:index"

    @property
    def holds(self) -> str:
        return f"{self._tag}:holds"

    @property
    def out(self) -> str:
        return f"{self._tag}:out"


@dataclass(frozen=True, slots=True)
class BatchKeys:
    """The keys of one batch, and those of its shard; one slot."""

    namespace: str
    bid: str

    @property
    def _tag(self) -> str:
        return f"{self.namespace}:{{b{shard_of(self.bid)}}}"

    @property
    def record(self) -> str:
        return f"{self._tag}:{self.bid}"

    @property
    def ran(self) -> str:
        return f"{self._tag}:{self.bid}:ran"

    @property
    def done(self) -> str:
        return f"{self._tag}:{self.bid}:done"

    @property
    def dead(self) -> str:
        return f"{self._tag}:{self.bid}:dead"

    @property
    def index(self) -> str:
        return f"{self._tag}:index"

    @property
    def holds(self) -> str:
        return f"{self._tag}:holds"

    @property
    def invalidated(self) -> str:
        return f"{self._tag}:invalidated"

    @property
    def out(self) -> str:
        return f"{self._tag}:out"

    @property
    def failures(self) -> str:
        return f"{self._tag}:{self.bid}:failures"

    @property
    def results(self) -> str:
        return f"{self._tag}:{self.bid}:results"

    @property
    def runs(self) -> str:
        return f"{self._tag}:{self.bid}:runs"

    def receipt(self, token: str) -> str:
        return f"{self._tag}:{self.bid}:receipt:{token}"


@dataclass(frozen=True, slots=True)
class ConcurrentKeys:
    """The keys of one concurrent limiter; one slot."""

    namespace: str
    name: str

    @property
    def _tag(self) -> str:
        return f"{self.namespace}:{{concurrent:{self.name}}}"

    @property
    def leases(self) -> str:
        return f"{self._tag}:leases"

    @property
    def queue(self) -> str:
        return f"{self._tag}:queue"

    @property
    def meta(self) -> str:
        return f"{self._tag}:meta"

    @property
    def wake(self) -> str:
        """What the waiters' own lists begin with; the ticket follows."""
        return f"{self._tag}:wake:"


def timed_limiter(namespace: str, kind: str, name: str) -> str:
    """The one key of a limiter that counts by time: a bucket, a window, a leaky bucket, a budget of points."""
    return f"{namespace}:{{{kind}:{name}}}"


@dataclass(frozen=True, slots=True)
class CountKeys:
    """What was counted of one limiter; in the slot of its other keys."""

    namespace: str
    kind: str
    name: str

    @property
    def _tag(self) -> str:
        return f"{self.namespace}:{{{self.kind}:{self.name}}}"

    @property
    def counts(self) -> str:
        return f"{self._tag}:counts"

    @property
    def minutes(self) -> str:
        return f"{self._tag}:minutes"


@dataclass(frozen=True, slots=True)
class PeriodicKeys:
    """The keys of one schedule; one slot."""

    namespace: str
    name: str

    @property
    def _tag(self) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}"

    @property
    def entries(self) -> str:
        return f"{self._tag}:entries"

    @property
    def due(self) -> str:
        return f"{self._tag}:due"

    @property
    def paused(self) -> str:
        return f"{self._tag}:paused"

    @property
    def leader(self) -> str:
        return f"{self._tag}:leader"

    @property
    def term(self) -> str:
        return f"{self._tag}:term"

    @property
    def out(self) -> str:
        return f"{self._tag}:out"

    @property
    def running(self) -> str:
        return f"{self._tag}:running"

    @property
    def queued(self) -> str:
        return f"{self._tag}:queued"

    @property
    def meta(self) -> str:
        return f"{self._tag}:meta"

    def history(self, entry: str) -> str:
        return f"{self._tag}:history:{entry}"


def schedules(namespace: str) -> str:
    """The list of schedules."""
    return f"{namespace}:schedules"


def limiters(namespace: str) -> str:
    """The list of limiters."""
    return f"{namespace}:limiters"


@dataclass(frozen=True, slots=True)
class SidekiqKeys:
    """The protocol's own names, and the few of ours that a worker needs beside them."""

    namespace: str

    queues = "queues"
    schedule = "schedule"
    retry = "retry"
    dead = "dead"
    paused = "paused"
    processes = "processes"
    processed = "stat:processed"
    failed = "stat:failed"

    @property
    def workers(self) -> str:
        return f"{self.namespace}:workers"

    @property
    def failures(self) -> str:
        return f"{self.namespace}:failures"

    @property
    def unwanted(self) -> str:
        return unwanted(self.namespace)

    def queue(self, name: str) -> str:
        return f"queue:{name}"

    def processed_on(self, day: str) -> str:
        return f"stat:processed:{day}"

    def failed_on(self, day: str) -> str:
        return f"stat:failed:{day}"

    def minute(self, at: datetime) -> str:
        return f"j|{at:%y%m%d}|{at.hour}:{at:%M}"

    def ten(self, at: datetime) -> str:
        """As `minute`, of the ten minutes that it is in."""
        return self.minute(at)[:-1]

    def durations(self, job: str, at: datetime) -> str:
        return f"h|{job}-{at.day}-{at.hour}:{at.minute}"

    def process(self, identity: str) -> str:
        return identity

    def signals(self, identity: str) -> str:
        return f"{identity}-signals"

    def work(self, identity: str) -> str:
        return f"{identity}:work"

    def old_work(self, identity: str) -> str:
        return f"{identity}:workers"

    def settled(self, identity: str, day: str) -> list[str]:
        """What every acknowledgement of a process writes, in the order that its scripts have it."""
        sets = [self.inflight(identity), self.retry, self.dead, self.schedule]
        return [*sets, self.processed, self.failed, self.processed_on(day), self.failed_on(day), self.failures]

    def inflight(self, identity: str) -> str:
        return f"{self.namespace}:inflight:{identity}"

    def pushed(self, token: str) -> str:
        return f"{self.namespace}:pushed:{token}"

    def recovered(self, jid: str) -> str:
        return f"{self.namespace}:recovered:{jid}"


def layout(namespace: str) -> str:
    """The version of what is in this namespace."""
    return f"{namespace}:layout"


def alive(namespace: str, identity: str) -> str:
    """Lives while the process does."""
    return f"{namespace}:alive:{identity}"


def later(namespace: str, engine: str) -> str:
    """What is due later than an engine can keep it."""
    return f"{namespace}:later:{engine}"


def reaper(namespace: str) -> str:
    """The lease of the one process that delivers what others left behind."""
    return f"{namespace}:reaper"


def unwanted(namespace: str) -> str:
    """Changes when jobs that wait may have become unwanted."""
    return f"{namespace}:unwanted"


def presence_channel(namespace: str) -> str:
    """What the channels begin with on which processes show that they are there; the identity follows."""
    return f"{namespace}:present:"
