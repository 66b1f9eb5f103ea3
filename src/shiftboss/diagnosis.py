"""What a server says of itself, and what in that will cost somebody jobs or batches one day."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shiftboss.plan import Plan, run
from shiftboss.scripts import command

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from shiftboss.client import Shiftboss

OLDEST = (6, 2)
# Of `maxmemory`, from here on a remark.
NEARLY_FULL = 0.8
# Seconds between two machines' clocks that nobody has to know of.
SMALL_SKEW = 1.0


@dataclass(frozen=True, slots=True)
class Remark:
    """Something about the server that should be changed.

    Args:
        about: ``version``, ``replica``, ``eviction``, ``disk``, ``persistence``, ``memory`` or ``clock``.
        text: What it is, and what to do.
    """

    about: str
    text: str


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What matters of a server.

    Args:
        name: ``Redis``, ``Valkey`` or ``fakeredis``.
        version: As it says, such as ``7.0.15``; empty where there is none.
        policy: What it does when memory is short.
        appends: Whether each write is logged to disk.
        saves_fail: Whether the last write to disk failed.
        used: Bytes in use.
        most: Bytes that it may use; 0 if nothing limits it.
        skew: Seconds by which its clock is ahead of this machine's.
        primary: The server that it follows, if it is a replica.
    """

    name: str
    version: str = ""
    policy: str = "noeviction"
    appends: bool = True
    saves_fail: bool = False
    used: int = 0
    most: int = 0
    skew: float = 0.0
    primary: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()

    @property
    def remarks(self) -> list[Remark]:
        """What should be changed, the worst first.

        Example:
            >>> [remark.about for remark in ServerFacts("Redis", "7.2.4", policy="allkeys-lru").remarks]
            ['eviction']
        """
        return list(self._remarks())

    def _remarks(self) -> Iterator[Remark]:
        oldest = ".".join(map(str, OLDEST))
        if self.name == "Redis" and tuple(int(part) for part in self.version.split(".")[:2]) < OLDEST:
            yield Remark("version", f"{self} is too old; use Redis {oldest} or newer, or Valkey")
        if self.primary:
            yield Remark(
                "replica", f"it is a replica and takes no writes: name its primary, {self.primary}, or a sentinel"
            )
        if self.policy != "noeviction":
            yield Remark(
                "eviction",
                f"maxmemory-policy is {self.policy}: jobs and batches are deleted when memory is short; set it to noeviction",
            )
        if self.saves_fail:
            yield Remark("disk", "the last write to disk failed: see the log of the server")
        if not self.appends:
            yield Remark(
                "persistence", "appendonly is off: a restart goes back to the last snapshot; set it to yes to keep jobs"
            )
        if self.most and self.used > self.most * NEARLY_FULL:
            share = self.used / self.most
            yield Remark("memory", f"{share:.0%} of maxmemory is used: a full server refuses pushes; give it more")
        if abs(self.skew) > SMALL_SKEW:
            way = "ahead of" if self.skew > 0 else "behind"
            yield Remark("clock", f"the server's clock is {abs(self.skew):.1f} s {way} this machine's; run NTP on both")


def read_facts(client: Shiftboss) -> ServerFacts:
    """What the server says. Two round trips.

    Raises:
        redis.RedisError: It cannot be reached, or may not be asked.
    """
    return client.perform(_read(client))


def _read(client: Shiftboss) -> Plan[ServerFacts]:
    if client.server.kind == "fake":  # knows no INFO
        return ServerFacts("fakeredis")
    text = yield from run(command("INFO", [], [], bytes.decode))
    before = time.time()
    there = yield from run(command("TIME", [], [], _seconds))
    skew = there - (before + time.time()) / 2
    facts = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    name = "Valkey" if "valkey_version" in facts else "Redis"
    return ServerFacts(
        name,
        facts.get("valkey_version") or facts.get("redis_version", "0"),
        policy=facts.get("maxmemory_policy", "noeviction"),
        appends=facts.get("aof_enabled", "1") == "1",
        saves_fail="err" in (facts.get("aof_last_write_status"), facts.get("rdb_last_bgsave_status")),
        used=int(facts.get("used_memory", 0)),
        most=int(facts.get("maxmemory", 0)),
        skew=skew,
        primary=f"{facts['master_host']}:{facts['master_port']}" if facts.get("role") == "slave" else "",
    )


def _seconds(reply: list[Any]) -> float:
    return int(reply[0]) + int(reply[1]) / 1e6
