"""A TCP proxy that harms what passes through it, to see what a caller makes of a bad network or server.

    with FaultProxy(("127.0.0.1", 6379)) as proxy:
        fault = proxy.drop_reply(b"EVALSHA")
        ...                                    # the script ran, its reply was lost
        assert fault.hits == 1 and proxy.forwarded(b"EVALSHA") == 1

A request is one RESP command, pipelined or not; a reply is one RESP value and answers the oldest open request (so no pub/sub
here). A fault hits the next `times` requests that contain `match`; with None all of them, until `heal`. A client greets a new
connection with requests too (HELLO, CLIENT SETINFO): say which one you mean.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import deque
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self, TypeVar

T = TypeVar("T")


@dataclass
class Fault:
    """What is done to a matching request, how often still, and how often it was done."""

    kind: str
    match: bytes
    left: int | None
    reply: bytes = b""
    after: int = 0
    seconds: float = 0.0
    hits: int = 0


@dataclass(eq=False)
class _Link:
    """A client's connection, the server's behind it, and what the client waits for (None: a reply left as it is)."""

    client: asyncio.StreamWriter
    server: asyncio.StreamWriter
    due: deque[Fault | None] = field(default_factory=deque)
    frozen: bool = False

    def answer_injected(self) -> None:
        # In its turn: not before the replies to what was asked earlier.
        while self.due and (fault := self.due[0]) is not None and fault.kind == "inject":
            self.due.popleft()
            self.client.write(fault.reply)


class FaultProxy:
    """A proxy on a free port of 127.0.0.1, in a thread of its own, that does no harm until told to.

    Args:
        upstream: The server: (host, port), or the path of its Unix socket.
    """

    def __init__(self, upstream: tuple[str, int] | str | Path) -> None:
        self._upstream = upstream
        self._lock = threading.Lock()
        self._faults: list[Fault] = []
        self._requests: list[tuple[bytes, bool]] = []
        self._links: set[_Link] = set()
        self.connections = 0

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault-proxy", daemon=True)
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.host, self.port = self._server.sockets[0].getsockname()
        self.url = f"redis://{self.host}:{self.port}/0"
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._shut_down())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    # What was sent.

    def seen(self, match: bytes = b"") -> int:
        """How many requests containing `match` clients have sent."""
        with self._lock:
            return sum(match in request for request, _ in self._requests)

    def forwarded(self, match: bytes = b"") -> int:
        """How many of those the server was given."""
        with self._lock:
            return sum(forwarded and match in request for request, forwarded in self._requests)

    # What to do to it.

    def drop_reply(self, match: bytes = b"", times: int | None = 1) -> Fault:
        """Let the server apply the request, swallow its reply and reset the connection."""
        return self._add(Fault("drop_reply", match, times))

    def cut_reply(self, after: int, match: bytes = b"", times: int | None = 1) -> Fault:
        """Let the server apply the request, pass on `after` bytes of its reply and close the connection."""
        return self._add(Fault("cut_reply", match, times, after=after))

    def delay(self, seconds: float, match: bytes = b"", times: int | None = 1) -> Fault:
        """Let the server apply the request at once, and hold back its reply and all that follow on the connection."""
        return self._add(Fault("delay", match, times, seconds=seconds))

    def blackhole(self, match: bytes = b"", times: int | None = None) -> Fault:
        """Swallow the request and all that follow on its connection, and never answer: a frozen server."""
        return self._add(Fault("blackhole", match, times))

    def refuse(self, times: int | None = None) -> Fault:
        """Reset all connections, and new ones as soon as they are made: a server that is down."""
        fault = self._add(Fault("refuse", b"", times))
        self.rst_all()
        return fault

    def reset_before(self, match: bytes = b"", times: int | None = 1) -> Fault:
        """Reset the connection instead of forwarding the request: surely not applied."""
        return self._add(Fault("reset_before", match, times))

    def inject(self, reply: bytes, match: bytes = b"", times: int | None = 1) -> Fault:
        r"""Answer the request ourselves instead of forwarding it, for instance with ``b"-LOADING wait\r\n"``."""
        return self._add(Fault("inject", match, times, reply=reply))

    def heal(self) -> None:
        """Forget all faults. What was swallowed or reset stays so."""
        with self._lock:
            self._faults.clear()

    def rst_all(self) -> None:
        """Reset every connection there is."""

        async def reset() -> None:
            for link in list(self._links):
                _reset(link.client, link.server)

        self._call(reset())

    # How it is done.

    def _call(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _add(self, fault: Fault) -> Fault:
        with self._lock:
            self._faults.append(fault)
        return fault

    def _take(self, request: bytes, *, connecting: bool = False) -> Fault | None:
        for fault in self._faults:
            if (fault.kind == "refuse") == connecting and fault.left != 0 and fault.match in request:
                fault.left = fault.left and fault.left - 1
                fault.hits += 1
                return fault
        return None

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        with self._lock:
            self.connections += 1
            refused = self._take(b"", connecting=True)
        try:
            if refused:
                raise ConnectionRefusedError
            if isinstance(self._upstream, tuple):
                source, server = await asyncio.open_connection(*self._upstream)
            else:
                source, server = await asyncio.open_unix_connection(self._upstream)
        except OSError:
            _reset(client)
            return
        link = _Link(client, server)
        self._links.add(link)
        sides = [
            asyncio.ensure_future(self._requests_of(link, reader)),
            asyncio.ensure_future(self._replies_to(link, source)),
        ]
        with contextlib.suppress(asyncio.CancelledError):  # at the end of the proxy
            await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
        for side in sides:
            side.cancel()
        self._links.discard(link)
        client.close()
        server.close()

    async def _requests_of(self, link: _Link, reader: asyncio.StreamReader) -> None:
        async for request in _values(reader):
            with self._lock:
                fault = None if link.frozen else self._take(request)
                kind = fault.kind if fault else ""
                link.frozen = link.frozen or kind == "blackhole"
                forwarded = not link.frozen and kind not in {"inject", "reset_before"}
                self._requests.append((request, forwarded))
            if kind == "reset_before":
                _reset(link.client, link.server)
                return
            if not link.frozen:
                link.due.append(fault)
                link.answer_injected()
            if forwarded:
                link.server.write(request)

    async def _replies_to(self, link: _Link, reader: asyncio.StreamReader) -> None:
        async for reply in _values(reader):
            fault = link.due.popleft() if link.due and not reply.startswith(b">") else None
            if fault is not None and fault.kind == "drop_reply":
                _reset(link.client, link.server)
                return
            if fault is not None and fault.kind == "delay":
                await asyncio.sleep(fault.seconds)
            if fault is not None and fault.kind == "cut_reply":
                link.client.write(reply[: fault.after])
                return
            link.client.write(reply)
            link.answer_injected()

    async def _shut_down(self) -> None:
        self._server.close()
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _reset(*ends: asyncio.StreamWriter) -> None:
    for end in ends:
        connection = end.get_extra_info("socket")
        if connection.family != socket.AF_UNIX:
            with contextlib.suppress(OSError):  # already gone
                # Lingering for zero seconds makes closing send RST.
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        end.transport.abort()


async def _values(reader: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """The RESP values that arrive, each in the bytes it came in, until the connection ends."""
    data = b""
    with contextlib.suppress(OSError):
        while more := await reader.read(1 << 16):
            data += more
            while (end := _end(data, 0)) is not None:
                value, data = data[:end], data[end:]
                yield value


def _end(data: bytes, at: int) -> int | None:
    """Where the RESP value that begins at `at` ends; None while it is incomplete."""
    line_end = data.find(b"\r\n", at)
    if line_end < 0:
        return None
    kind, end = data[at : at + 1], line_end + 2
    if kind in b"$=!":
        size = int(data[at + 1 : line_end])
        end = end if size < 0 else end + size + 2
        return end if end <= len(data) else None
    if kind in b"*~>%|":
        count = int(data[at + 1 : line_end]) * (2 if kind in b"%|" else 1) + (kind == b"|")
        for _ in range(count):
            inner = _end(data, end)
            if inner is None:
                return None
            end = inner
    return end
