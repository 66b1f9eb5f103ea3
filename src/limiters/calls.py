"""The limiters' operations, one function per file in ``lua/limiters``. They return calls and do no I/O."""

from __future__ import annotations

from dataclasses import dataclass

from shiftboss.keys import ConcurrentKeys
from shiftboss.scripts import Call, command, script


@dataclass(frozen=True, slots=True)
class LimiterState:
    """A limiter at one moment.

    Args:
        used: Slots that are taken.
        remaining: Slots that are free.
        waiting: Attempts in its queue.
        reset_after: Seconds until the first lease ends if its holder does not give the slot back; None if none is held.
    """

    used: int
    remaining: int
    waiting: int
    reset_after: float | None


def acquire(
    keys: ConcurrentKeys, size: int, ticket: str, process: str, lock: int, wait: int, ttl: int, wake: str, channel: str
) -> Call[int]:
    """Take a slot or a place in the queue: the fence; 0 show that this process is there; else minus milliseconds."""
    return script("limiters/acquire").call(
        int, [keys.leases, keys.queue, keys.meta], [size, ticket, process, lock, wait, ttl, wake, channel]
    )


def release(
    keys: ConcurrentKeys, size: int, ticket: str, cancel: bool, ttl: int, wake: str, channel: str
) -> Call[bool]:
    """Give a slot back or leave the queue; whether a slot was held."""
    return script("limiters/release").call(
        bool, [keys.leases, keys.queue, keys.meta], [size, ticket, int(cancel), ttl, wake, channel]
    )


def renew(keys: ConcurrentKeys, ticket: str, lock: int) -> Call[bool]:
    """Extend a lease; False if it had ended."""
    return script("limiters/renew").call(bool, [keys.leases], [ticket, lock])


def peek(keys: ConcurrentKeys) -> Call[tuple[int, int, int]]:
    """Slots used, attempts waiting, milliseconds until the first lease ends or -1."""
    return script("limiters/peek").call(_three, [keys.leases, keys.queue], [])


def wait(keys: ConcurrentKeys, ticket: str, seconds: float) -> Call[int | None]:
    """Block until a slot is handed to the ticket; its fence."""
    return command("BLPOP", [keys.wake + ticket], [seconds], _popped, resend=False)


def forget(keys: ConcurrentKeys) -> Call[int]:
    """Drop leases and queue; the fence goes on growing."""
    return command("DEL", [keys.leases, keys.queue], [], int)


def _three(reply: list[int | bytes]) -> tuple[int, int, int]:
    used, waiting, first = reply
    return int(used), int(waiting), int(float(first))


def _popped(reply: list[bytes] | None) -> int | None:
    return None if reply is None else int(reply[1])
