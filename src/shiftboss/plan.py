"""Operations of several steps, written once for threads and for event loops.

A plan is a generator that yields steps and is sent their results; it does no I/O itself. `Shiftboss.perform` runs one
from a thread, ``await Shiftboss.aperform`` from a coroutine:

    def rename(old: str, new: str) -> Plan[bool]:
        there = yield from run(exists(old))
        return there and (yield from run(move(old, new)))
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Generator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from redis.exceptions import RedisError

from shiftboss.scripts import Call

if TYPE_CHECKING:
    import asyncio

    from shiftboss.client import Shiftboss
    from shiftboss.store import AsyncStore, Delivery, Store

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class Many:
    """Independent calls, sent together."""

    calls: Sequence[Call[Any]]


@dataclass(frozen=True, slots=True)
class Carry:
    """A call that takes others along, if any, whose replies nobody needs; within so many seconds, or the store's."""

    call: Call[Any]
    others: Sequence[Call[Any]]
    seconds: float | None


@dataclass(frozen=True, slots=True)
class Work:
    """Something that blocks and is not ours, such as an engine's own publish; in asyncio it runs in a thread."""

    function: Callable[[], Any]


@dataclass(frozen=True, slots=True)
class Blocking:
    """A call that waits at the server for up to so many seconds, in nobody's way."""

    call: Call[Any]
    seconds: float


@dataclass(frozen=True, slots=True)
class Last:
    """A call that is made to the end even if the coroutine is cancelled meanwhile. It may take others along, as `Carry`."""

    call: Call[Any]
    others: Sequence[Call[Any]] = ()
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class Identity:
    """What this process or event loop is known by."""


@dataclass(frozen=True, slots=True)
class Appear:
    """Show on the key's node, by a subscription to prefix and identity, that this process is there."""

    key: str
    prefix: str


@dataclass(frozen=True, slots=True)
class Sleep:
    """Let so many seconds pass."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """A step of another client."""

    step: Step
    client: Shiftboss


Step = Call[Any] | Many | Carry | Sleep | Work | Blocking | Last | Identity | Appear | Elsewhere
Plan = Generator[Step, Any, T]


def run(call: Call[T]) -> Plan[T]:
    """One call; its value."""
    delivery = yield call
    return delivery.result  # type: ignore[no-any-return]


def deliver(call: Call[T]) -> Plan[Delivery[T]]:
    """One call; its value, and whether it had to be sent again."""
    return (yield call)  # type: ignore[no-any-return]


def run_many(calls: Sequence[Call[T]]) -> Plan[list[T]]:
    """Independent calls in one round trip per node; their values."""
    return (yield Many(calls))  # type: ignore[no-any-return]


def carry(call: Call[T], others: Sequence[Call[Any]], seconds: float | None = None) -> Plan[T]:
    """A call, answered or given up within so many seconds or the store's, that takes others along in one round trip; its value."""
    return (yield Carry(call, others, seconds))  # type: ignore[no-any-return]


def run_both(first: Call[T], second: Call[U]) -> Plan[tuple[T, U]]:
    """Two calls of different kinds in one round trip; their values."""
    return tuple((yield Many([first, second])))


def sleep(seconds: float) -> Plan[None]:
    """Let time pass; in asyncio others go on meanwhile."""
    yield Sleep(seconds)


def work(function: Callable[[], T]) -> Plan[T]:
    """Something that blocks; what it returns."""
    return (yield Work(function))  # type: ignore[no-any-return]


def block(call: Call[T], seconds: float) -> Plan[T]:
    """A call that waits at the server; its value."""
    return (yield Blocking(call, seconds))  # type: ignore[no-any-return]


def at_last(call: Call[T], others: Sequence[Call[Any]] = (), seconds: float | None = None) -> Plan[T]:
    """A call that no cancellation keeps from being made; its value."""
    return (yield Last(call, others, seconds))  # type: ignore[no-any-return]


def undo(undoing: Plan[Any]) -> Plan[None]:
    """Run a plan because of an error, whose place no error of Redis takes: a cancellation stays one."""
    with suppress(RedisError, OSError):
        yield from undoing


def identity() -> Plan[str]:
    """What this process or event loop is known by. No round trip."""
    return (yield Identity())  # type: ignore[no-any-return]


def appear(key: str, prefix: str) -> Plan[None]:
    """Show that this process is there."""
    yield Appear(key, prefix)


def elsewhere(client: Shiftboss, plan: Plan[T]) -> Plan[T]:
    """A part of a plan that another client performs, on its own Redis."""
    try:
        step = next(plan)
        while True:
            try:
                result = yield Elsewhere(step, client)
            except BaseException as error:  # noqa: BLE001 - the part decides what it can handle
                step = plan.throw(error)
            else:
                step = plan.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def perform(plan: Plan[T], store: Store) -> T:
    """Run a plan to its end from this thread. An error of a step is thrown into the plan, which may handle it."""
    try:
        step = next(plan)
        while True:
            try:
                result = _take(step, store)
            except BaseException as error:  # noqa: BLE001 - the plan decides what it can handle
                step = plan.throw(error)
            else:
                step = plan.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


async def aperform(plan: Plan[T], store: AsyncStore) -> T:
    """Run a plan to its end from a coroutine. See `perform`."""
    try:
        step = next(plan)
        while True:
            try:
                result = await _atake(step, store)
            except BaseException as error:  # noqa: BLE001 - the plan decides what it can handle
                step = plan.throw(error)
            else:
                step = plan.send(result)
    except StopIteration as end:
        return end.value  # type: ignore[no-any-return]


def _take(step: Step, store: Store) -> Any:
    match step:
        case Call():
            return store.deliver(step)
        case Sleep():
            return time.sleep(step.seconds)
        case Many():
            return store.run_many(step.calls)
        case Carry() | Last():
            return _carry(step.call, step.others, step.seconds, store)
        case Blocking():
            return store.block(step.call, step.seconds)
        case Identity():
            return store.identity
        case Appear():
            return store.appear(step.key, step.prefix)
        case Work():
            return step.function()
        case Elsewhere():
            return _take(step.step, step.client.store)


async def _atake(step: Step, store: AsyncStore) -> Any:
    import asyncio

    match step:
        case Call():
            return await store.deliver(step)
        case Sleep():
            return await asyncio.sleep(step.seconds)
        case Many():
            return await store.run_many(step.calls)
        case Carry():
            _acarry(step.others, store)
            return await store.run(step.call, step.seconds)
        case Last():
            _acarry(step.others, store)
            return await asyncio.shield(store.run(step.call, step.seconds))
        case Blocking():
            return await store.block(step.call, step.seconds)
        case Identity():
            return store.identity
        case Appear():
            return await store.appear(step.key, step.prefix)
        case Work():
            return await asyncio.to_thread(step.function)
        case Elsewhere():
            return await _atake(step.step, step.client.astore)


def _carry(call: Call[T], others: Sequence[Call[Any]], seconds: float | None, store: Store) -> T:
    if others:
        seconds = store.timeout if seconds is None else seconds
        deadline = time.monotonic() + seconds
        try:
            return store.run_many([call, *others], seconds)[0]  # type: ignore[no-any-return]
        except (RedisError, OSError):
            # It may have been one of the others.
            seconds = deadline - time.monotonic()
            if not call.resend or seconds <= 0:
                raise
    return store.run(call, seconds)


# The loop itself keeps no hold of what nobody waits for.
_carried: set[asyncio.Task[None]] = set()


def _acarry(others: Sequence[Call[Any]], store: AsyncStore) -> None:
    """Let them go out with the next call. Nobody waits for them, so that they can neither hinder nor delay it."""
    if others:
        import asyncio

        task = asyncio.ensure_future(_quietly(store.run_many(others)))
        _carried.add(task)
        task.add_done_callback(_carried.discard)


async def _quietly(running: Awaitable[Any]) -> None:
    with suppress(RedisError, OSError):
        await running
