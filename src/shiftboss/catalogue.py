"""What each key is: its type, what it holds, who writes it, and whether it may stay. The names are built in `shiftboss.keys`.

The tests hold every key that they leave behind against this list, and docs/reference/keys.md is checked against it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass


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
    Row("<ns>:layout", "string", "the version of what is in this namespace", "src/shiftboss", permanent=True),
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
