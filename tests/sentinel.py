"""A primary with a replica and sentinels, for the tests of failover."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, Self

import redis

from tests.servers import HOST, ServerProcess
from tests.waiting import wait_until

SERVICE = "sb"


class SentinelGroup:
    """A primary, its replica and the sentinels that watch them, under the name `SERVICE`.

    Attributes:
        primary: The server that takes writes; changes place with `replica` when they fail over.
        sentinels: The sentinels; a majority of them decides.
    """

    def __init__(self, binary: Path, sentinels: int) -> None:
        with contextlib.ExitStack() as started:
            fast = ("--repl-diskless-sync-delay", "0")
            self.primary = started.enter_context(ServerProcess(binary, *fast))
            follow = ("--replicaof", f"{HOST} {self.primary.port}")
            self.replica = started.enter_context(ServerProcess(binary, *fast, *follow))
            # A sentinel that meets no replica at its first look asks again only ten seconds later.
            wait_until(self._replica_is_online, what="the replica to follow the primary")
            quorum = sentinels // 2 + 1
            self.sentinels = [
                started.enter_context(_sentinel(binary, self.primary.port, quorum)) for _ in range(sentinels)
            ]
            wait_until(self._sentinels_are_ready, 30.0, "the sentinels to know the replica and each other")
            self._started = started.pop_all()

    @property
    def url(self) -> str:
        """What a client that asks the sentinels is given."""
        return f"redis+sentinel://{','.join(f'{HOST}:{one.port}' for one in self.sentinels)}/{SERVICE}/0"

    def failover(self) -> None:
        """Have the sentinels swap primary and replica while both live; return once the new primary takes writes."""
        wait_until(self._failover_begins, 30.0, "a sentinel that finds the replica fit")
        self.wait_for_promotion()

    def wait_for_promotion(self, timeout: float = 30.0) -> None:
        """Wait until all sentinels name the former replica and it is a primary, for instance after `primary.kill()`."""
        promoted = self.replica

        def is_promoted() -> bool:
            # Not GET-MASTER-ADDR-BY-NAME, which names the new one while the list that clients ask for has the old one.
            named = all(_knows(one)["port"] == promoted.port for one in self.sentinels)
            return named and promoted.command("ROLE")[0] == "master"

        wait_until(is_promoted, timeout, "the sentinels to promote the replica")
        self.primary, self.replica = self.replica, self.primary

    def _failover_begins(self) -> bool:
        try:
            self.sentinels[0].command("SENTINEL", "FAILOVER", SERVICE)
        except redis.ResponseError as error:
            if "NOGOODSLAVE" in str(error) or "INPROG" in str(error):
                return False
            raise
        return True

    def _replica_is_online(self) -> bool:
        # The primary calls it online before it has loaded what it is sent.
        return bool(self.replica.command("ROLE")[3] == "connected")

    def _sentinels_are_ready(self) -> bool:
        wanted = (1, len(self.sentinels) - 1)
        return all(
            (known["num-slaves"], known["num-other-sentinels"]) == wanted for known in map(_knows, self.sentinels)
        )

    def stop(self) -> None:
        """Kill all of them and remove their directories."""
        self._started.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def start_sentinel(binary: Path, sentinels: int = 1) -> SentinelGroup:
    """A primary, a replica and one to three sentinels: `with start_sentinel(binary) as group`."""
    return SentinelGroup(binary, sentinels)


def _knows(sentinel: ServerProcess) -> dict[str, Any]:
    with sentinel.client() as client:
        known: dict[str, Any] = client.sentinel_master(SERVICE)
    return known


def _sentinel(binary: Path, primary_port: int, quorum: int) -> ServerProcess:
    sentinel = ServerProcess(binary)
    # A sentinel writes what it learns into its configuration file.
    file = sentinel.directory / "sentinel.conf"
    file.write_text(
        f"sentinel monitor {SERVICE} {HOST} {primary_port} {quorum}\n"
        f"sentinel down-after-milliseconds {SERVICE} 500\n"
        f"sentinel failover-timeout {SERVICE} 3000\n"
    )
    sentinel.args = (str(file), "--sentinel")
    return sentinel
