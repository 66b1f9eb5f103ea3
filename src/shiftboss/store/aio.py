"""`AsyncStore`: runs calls on Redis from one event loop.

All calls to a node share one connection: each is written as it comes, and replies are handed out in order. redis-py's
asyncio client takes a connection from its pool for every call.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

from redis.exceptions import RedisClusterException, RedisError, ResponseError

from shiftboss.scripts import Call
from shiftboss.store.alane import AsyncLane
from shiftboss.store.apart import apart
from shiftboss.store.lane import as_redis_error, unreachable
from shiftboss.store.line import AsyncLine, AsyncSubscription
from shiftboss.store.nodes import Maker, SlotMap, is_move, single_node
from shiftboss.store.policy import Attempts
from shiftboss.store.presence import AsyncPresence
from shiftboss.store.servers import Server
from shiftboss.store.sync import Delivery

T = TypeVar("T")
# The name of the one node of a server that is no cluster.
ONLY = ""


class AsyncStore:
    """Runs calls on one Redis, in the event loop that it was first used in. The asyncio twin of `Store`.

    Args:
        server: Where Redis is; see `shiftboss.store.server_of`.
        timeout: Seconds within which a call is answered or its error raised.
    """

    def __init__(self, server: Server, timeout: float = 5.0) -> None:
        self.server = server
        self.timeout = timeout
        self._lanes: dict[str, AsyncLane] = {}
        self._cluster: tuple[Any, SlotMap] | None = None
        self._learning = asyncio.Lock()
        self._presence = AsyncPresence()

    async def run(self, call: Call[T], timeout: float | None = None) -> T:
        """Run a call and return what it returns. One round trip. See `Store.run`."""
        return (await self.deliver(call, timeout)).result

    async def deliver(self, call: Call[T], timeout: float | None = None) -> Delivery[T]:
        """As `run`, and say whether the call had to be sent again."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        attempts = Attempts(call.resend, deadline, time.monotonic)
        while True:
            sent = False
            lane: AsyncLane | None = None
            reply: asyncio.Future[Any] | None
            connection = None
            try:
                lane = self._lanes.get(ONLY) or await self._lane_for(call, attempts)
                if not call.resend:
                    await lane.close_if_gone()
                reply = lane.begin(call, attempts) if lane.ready() else await lane.open_and_begin(call, attempts)
                sent, connection = True, lane.connection
                value = await lane.reply(reply)
            except ResponseError as error:
                pause = attempts.after(error, sent=False)
            except (OSError, RedisError) as error:
                attempts.reached = self._cluster is not None if lane is None else lane.reached
                pause = attempts.after(as_redis_error(error), sent=sent)
            else:
                return Delivery(call.decode(value), attempts.resent)
            finally:
                reply = None  # it holds the error, which holds this frame
            if attempts.stale and lane is not None:
                lane.retire(connection)
            await self._heal(attempts)
            if pause:
                await asyncio.sleep(pause)

    async def run_many(self, calls: Sequence[Call[T]], timeout: float | None = None) -> list[T]:
        """Run independent calls together; on the wire they follow one another without waiting. See `Store.run_many`."""
        results = await asyncio.gather(*(self.run(call, timeout) for call in calls), return_exceptions=True)
        values: list[T] = []
        for result in results:
            if isinstance(result, BaseException):
                raise result
            values.append(result)
        return values

    @asynccontextmanager
    async def line(self, key: str) -> AsyncIterator[AsyncLine]:
        """A connection of its own to the key's node, for commands that block; never resent, closed at the end."""
        lane = await self._lane_of(key, self._attempts())
        line = AsyncLine(lane.maker.make(), self.timeout)
        try:
            yield line
        finally:
            await line.close()

    @asynccontextmanager
    async def subscribe(self, channel: str) -> AsyncIterator[AsyncSubscription]:
        """Hear what is published on a channel, from the moment the block begins."""
        async with self.line(channel) as line:
            yield await AsyncSubscription.on(line, channel)

    async def block(self, call: Call[T], seconds: float) -> T:
        """Run a call that waits at the server, on a connection that is nobody else's meanwhile. See `Store.block`."""
        lane = await self._lane_of(call.keys[0], self._attempts())
        line = lane.lines.pop() if lane.lines else AsyncLine(lane.maker.make(), self.timeout)
        value = await line.run(call, seconds)
        lane.lines.append(line)
        return value

    @property
    def identity(self) -> str:
        """What this event loop is known by."""
        return self._presence.identity

    async def appear(self, key: str, prefix: str) -> None:
        """Show on the key's node that this event loop is there. See `Store.appear`."""
        lane = await self._lane_of(key, self._attempts())
        await self._presence.show(lane, lane.maker, prefix, self.timeout)

    async def aclose(self) -> None:
        """Close the connections. The store may be used again."""
        await self._presence.close()
        for lane in self._lanes.values():
            await lane.close()
        if self._cluster is not None:
            (cluster, _), self._cluster = self._cluster, None
            await cluster.aclose()

    def _attempts(self) -> Attempts:
        return Attempts(resend=False, deadline=time.monotonic() + self.timeout, clock=time.monotonic)

    async def _lane_for(self, call: Call[Any], attempts: Attempts) -> AsyncLane:
        if attempts.redirect is not None:
            return self._node_lane((await self._slots(attempts)).redirected(attempts.redirect))
        return await self._lane_of(call.keys[0] if call.keys else "", attempts)

    async def _lane_of(self, key: str, attempts: Attempts) -> AsyncLane:
        if self.server.kind == "cluster":
            return self._node_lane((await self._slots(attempts)).node_of(key))
        if ONLY not in self._lanes:
            self._lanes[ONLY] = AsyncLane(single_node(self.server, self.timeout, asyncio=True))
        return self._lanes[ONLY]

    def _node_lane(self, node: Any) -> AsyncLane:
        lane = self._lanes.get(node.name)
        if lane is None:
            lane = self._lanes[node.name] = AsyncLane(Maker(node.connection_class, dict(node.connection_kwargs), node))
        return lane

    async def _slots(self, attempts: Attempts) -> SlotMap:
        if self._cluster is not None:
            return self._cluster[1]
        async with asyncio.timeout(attempts.left), self._learning:
            if self._cluster is None:
                from redis.asyncio.cluster import ClusterNode, RedisCluster

                options = self.server.connection_options(self.timeout, asyncio=True)
                nodes = [ClusterNode(*host) for host in self.server.hosts]
                try:
                    cluster = await apart(RedisCluster(startup_nodes=nodes, **options).initialize())
                except RedisClusterException as error:
                    raise unreachable(error) from error
                self._cluster = cluster, SlotMap(cluster.nodes_manager)
            return self._cluster[1]

    async def _heal(self, attempts: Attempts) -> None:
        if self._cluster is None:
            if attempts.redirect is not None:
                raise attempts.redirect
            return
        nodes = self._cluster[1].nodes
        if attempts.redirect is not None and is_move(attempts.redirect):
            await nodes.move_slot(attempts.redirect)
            attempts.redirect = None
        elif attempts.stale:
            with suppress(OSError, RedisError, RedisClusterException):
                async with asyncio.timeout(attempts.left):
                    await apart(nodes.initialize())
