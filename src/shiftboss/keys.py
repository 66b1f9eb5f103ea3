"""Every key: its name, its type, how long it lives, who writes it. No other file builds one, and Lua never does.

Keys of our own begin with the namespace (``sb``); what must change together carries one hash tag. Sidekiq's keys have
the names its protocol fixes, so that Ruby processes and its dashboard find them. `CATALOGUE` is the list; the tests
hold every key that they leave behind against it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

SHARDS = 256


@dataclass(frozen=True, slots=True)
class Row:
    """One kind of key. `permanent` kinds hold work or totals that must not vanish; all others have a TTL at every instant."""

    pattern: str
    type: str
    meaning: str
    writer: str
    permanent: bool = False

    def matches(self, key: str, namespace: str) -> bool:
        parts = re.split(r"(<\w+>)", self.pattern.replace("<ns>", namespace))
        return bool(re.fullmatch("".join(".+" if p.startswith("<") else re.escape(p) for p in parts), key))


CATALOGUE = (
    Row("<ns>:{b<shard>}:<bid>:ran", "string", "bitmap by position: the member had an outcome", "lua/batches"),
    Row("<ns>:{b<shard>}:<bid>:done", "string", "bitmap by position: the member succeeded", "lua/batches"),
    Row("<ns>:{b<shard>}:<bid>:dead", "string", "bitmap by position: the member died", "lua/batches"),
    Row("<ns>:{b<shard>}:<bid>:failures", "zset", "the newest failures by when they happened", "lua/batches"),
    Row("<ns>:{b<shard>}:<bid>:results", "hash", "what members reported, by position", "lua/batches"),
    Row("<ns>:{b<shard>}:<bid>:runs", "hash", "the processes that run members, by position", "lua/batches"),
    Row(
        "<ns>:{b<shard>}:<bid>:receipt:<token>",
        "string",
        "a block that was flushed: where its positions begin",
        "lua/sidekiq",
    ),
    Row("<ns>:{b<shard>}:index", "zset", "batch ids by time of creation", "lua/batches"),
    Row("<ns>:{b<shard>}:holds", "zset", "'bid|token' of open blocks by the end of their lease", "lua/batches"),
    Row("<ns>:{b<shard>}:invalidated", "zset", "batch ids that are not wanted, by when that was said", "lua/batches"),
    Row(
        "<ns>:{b<shard>}:out",
        "zset",
        "the outbox: what is still to be done, by the time the reaper may do it",
        "lua/batches",
    ),
    Row("<ns>:{b<shard>}:<bid>", "hash", "the batch: counts, callbacks, times", "lua/batches"),
    Row("<ns>:{concurrent:<name>}:leases", "zset", "tickets of holders by the end of their lease", "lua/limiters"),
    Row("<ns>:{concurrent:<name>}:queue", "zset", "tickets of waiters in the order they came", "lua/limiters"),
    Row("<ns>:{concurrent:<name>}:meta", "hash", "the last fence, the last arrival, slots reclaimed", "lua/limiters"),
    Row("<ns>:{concurrent:<name>}:wake:<ticket>", "list", "the slot handed to a waiter", "lua/limiters"),
    Row("<ns>:{bucket:<name>}", "hash", "units taken of this and later periods", "lua/limiters"),
    Row("<ns>:{window:<name>}", "list", "microseconds at which units were taken, newest first", "lua/limiters"),
    Row("<ns>:{leaky:<name>}", "string", "microseconds until it is empty again", "lua/limiters"),
    Row("<ns>:{points:<name>}", "string", "microseconds until the budget is whole again", "lua/limiters"),
    Row("<ns>:{<kind>:<name>}:counts", "hash", "what a limiter admitted, refused and so on", "lua/limiters"),
    Row("<ns>:{<kind>:<name>}:minutes", "hash", "the same, minute by minute for 8 hours", "lua/limiters"),
    Row("<ns>:{periodic:<name>}:entries", "hash", "definitions of periodic jobs by name", "lua/periodic"),
    Row("<ns>:{periodic:<name>}:due", "zset", "entries by the millisecond of their next tick", "lua/periodic"),
    Row("<ns>:{periodic:<name>}:paused", "set", "names of entries that rest", "lua/periodic"),
    Row("<ns>:{periodic:<name>}:leader", "string", "who fires the schedule, and in which term", "lua/periodic"),
    Row("<ns>:{periodic:<name>}:term", "string", "the last term", "lua/periodic"),
    Row("<ns>:{periodic:<name>}:out", "zset", "the outbox: ticks that are still to be enqueued", "lua/periodic"),
    Row("<ns>:{periodic:<name>}:running", "hash", "by entry: the job that may still run", "lua/periodic"),
    Row("<ns>:{periodic:<name>}:queued", "hash", "by entry: what is enqueued when that job ends", "lua/periodic"),
    Row("<ns>:{periodic:<name>}:meta", "hash", "fingerprint of the content, by whom and when", "lua/periodic"),
    Row("<ns>:{periodic:<name>}:history:<entry>", "list", "the runs of an entry, newest first", "lua/periodic"),
    Row("<ns>:schedules", "set", "names of schedules", "lua/periodic"),
    Row("<ns>:limiters", "hash", "definitions of limiters by name, and when they were last used", "lua/limiters"),
    Row("<ns>:unwanted", "string", "changes when jobs that wait may have become unwanted", "src/batches"),
    Row("<ns>:reaper", "string", "who looks after the outbox now", "lua/outbox"),
    Row("<ns>:alive:<identity>", "string", "a process that runs members is there", "src/shiftboss"),
    Row(
        "<ns>:later:<engine>",
        "zset",
        "messages that an engine cannot keep until they are due, by when it is given them",
        "lua/outbox",
        permanent=True,
    ),
    Row("<ns>:pushed:<token>", "string", "receipt of a push, so that a resend pushes nothing", "lua/sidekiq"),
    Row(
        "<ns>:inflight:<identity>",
        "list",
        "jobs a worker process has taken and not yet settled",
        "lua/sidekiq",
        permanent=True,
    ),
    Row("<ns>:workers", "set", "identities of processes that may hold jobs", "lua/sidekiq", permanent=True),
    Row("<ns>:recovered:<jid>", "string", "how often a job was taken back from a dead process", "lua/sidekiq"),
    Row("<ns>:failures", "list", "the newest failed runs of any job", "lua/sidekiq"),
    Row("queues", "set", "queue names", "Sidekiq", permanent=True),
    Row("queue:<name>", "list", "jobs, pushed left and taken right", "Sidekiq", permanent=True),
    Row("schedule", "zset", "jobs by the second they are due", "Sidekiq", permanent=True),
    Row("retry", "zset", "failed jobs by the second of their next run", "Sidekiq", permanent=True),
    Row("dead", "zset", "jobs that will not run again, by the second they died", "Sidekiq", permanent=True),
    Row("processes", "set", "identities of worker processes", "Sidekiq", permanent=True),
    Row("paused", "set", "paused queue names", "Sidekiq", permanent=True),
    Row("stat:processed", "string", "runs so far", "Sidekiq", permanent=True),
    Row("stat:failed", "string", "failed runs so far", "Sidekiq", permanent=True),
    Row("stat:processed:<day>", "string", "runs of a day", "Sidekiq"),
    Row("stat:failed:<day>", "string", "failed runs of a day", "Sidekiq"),
    Row("j|<day>|<minute>", "hash", "by job: runs, failures and milliseconds, of a minute or of ten", "Sidekiq"),
    Row("h|<job>-<minute>", "string", "how long runs of a job took, in 26 buckets, of a minute", "Sidekiq"),
    Row("<identity>-signals", "list", "signals for a process, sent from the dashboard", "Sidekiq"),
    Row("<identity>:work", "hash", "what each thread runs now", "Sidekiq"),
    Row("<identity>:workers", "hash", "the same, for Sidekiq before 7", "Sidekiq"),
    Row("<host>:<pid>:<nonce>", "hash", "heartbeat of a worker process", "Sidekiq"),
)


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
    def index(self) -> str:
        return f"{self.namespace}:{{b{self.shard}}}:index"

    @property
    def holds(self) -> str:
        return f"{self.namespace}:{{b{self.shard}}}:holds"

    @property
    def out(self) -> str:
        return f"{self.namespace}:{{b{self.shard}}}:out"


@dataclass(frozen=True, slots=True)
class BatchKeys:
    """The keys of one batch, and those of its shard; one slot."""

    namespace: str
    bid: str

    @property
    def record(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:{self.bid}"

    @property
    def ran(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:{self.bid}:ran"

    @property
    def done(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:{self.bid}:done"

    @property
    def dead(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:{self.bid}:dead"

    @property
    def index(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:index"

    @property
    def holds(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:holds"

    @property
    def invalidated(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:invalidated"

    @property
    def out(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:out"

    @property
    def failures(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:{self.bid}:failures"

    @property
    def results(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:{self.bid}:results"

    @property
    def runs(self) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:{self.bid}:runs"

    def receipt(self, token: str) -> str:
        return f"{self.namespace}:{{b{self.bid[:2]}}}:{self.bid}:receipt:{token}"


@dataclass(frozen=True, slots=True)
class ConcurrentKeys:
    """The keys of one concurrent limiter; one slot."""

    namespace: str
    name: str

    @property
    def leases(self) -> str:
        return f"{self.namespace}:{{concurrent:{self.name}}}:leases"

    @property
    def queue(self) -> str:
        return f"{self.namespace}:{{concurrent:{self.name}}}:queue"

    @property
    def meta(self) -> str:
        return f"{self.namespace}:{{concurrent:{self.name}}}:meta"

    @property
    def wake(self) -> str:
        """What the waiters' own lists begin with; the ticket follows."""
        return f"{self.namespace}:{{concurrent:{self.name}}}:wake:"


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
    def counts(self) -> str:
        return f"{self.namespace}:{{{self.kind}:{self.name}}}:counts"

    @property
    def minutes(self) -> str:
        return f"{self.namespace}:{{{self.kind}:{self.name}}}:minutes"


@dataclass(frozen=True, slots=True)
class PeriodicKeys:
    """The keys of one schedule; one slot."""

    namespace: str
    name: str

    @property
    def entries(self) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}:entries"

    @property
    def due(self) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}:due"

    @property
    def paused(self) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}:paused"

    @property
    def leader(self) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}:leader"

    @property
    def term(self) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}:term"

    @property
    def out(self) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}:out"

    @property
    def running(self) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}:running"

    @property
    def queued(self) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}:queued"

    @property
    def meta(self) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}:meta"

    def history(self, entry: str) -> str:
        return f"{self.namespace}:{{periodic:{self.name}}}:history:{entry}"


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
        """Of ten minutes."""
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
