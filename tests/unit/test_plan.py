"""Plans: the same steps from a thread and from a coroutine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from secrets import token_hex
from typing import Any

import pytest
from redis.exceptions import RedisError

from shiftboss import Shiftboss, plan
from shiftboss.plan import Plan
from shiftboss.scripts import Call, command
from shiftboss.store import AsyncStore, Delivery, Store, server_of


def get(key: str) -> Call[bytes | None]:
    return command("GET", [key], [], lambda reply: reply)


def put(key: str, value: str) -> Call[bool]:
    return command("SET", [key], [value], bool)


def fail() -> Call[int]:
    return command("INCR", ["text"], [], int)


Perform = Callable[[Plan[Any]], Any]


@pytest.fixture(params=["sync", "asyncio"])
def perform(request: pytest.FixtureRequest) -> Perform:
    """Runs plans on a server of the test's own, from a thread or from a coroutine."""
    server = server_of(f"fake://plan-{token_hex(8)}")
    Store(server).run(put("text", "no number"))

    def in_thread(steps: Plan[Any]) -> Any:
        return plan.perform(steps, Store(server))

    def in_loop(steps: Plan[Any]) -> Any:
        async def main() -> Any:
            store = AsyncStore(server)
            try:
                return await plan.aperform(steps, store)
            finally:
                await store.aclose()

        return asyncio.run(main())

    return in_thread if request.param == "sync" else in_loop


def test_a_plan_without_steps(perform: Perform) -> None:
    def nothing() -> Plan[int]:
        return 5
        yield  # a plan is a generator

    assert perform(nothing()) == 5


def test_steps_get_their_results(perform: Perform) -> None:
    def steps() -> Plan[list[Any]]:
        before = yield from plan.run(get("key"))
        yield from plan.run(put("key", "value"))
        after = yield from plan.deliver(get("key"))
        many = yield from plan.run_many([get("key"), get("other")])
        return [before, after, many]

    assert perform(steps()) == [None, Delivery(b"value", resent=False), [b"value", None]]


def test_plans_are_made_of_plans(perform: Perform) -> None:
    def inner(n: int) -> Plan[int]:
        yield from plan.run(put(f"key{n}", str(n)))
        return n * 2

    def outer() -> Plan[int]:
        first = yield from inner(1)
        return first + (yield from inner(2))

    assert perform(outer()) == 6


def test_an_error_of_a_step_is_the_plans_to_handle(perform: Perform) -> None:
    def handled() -> Plan[str]:
        try:
            yield from plan.run(fail())
        except Exception as error:
            yield from plan.run(put("key", "handled"))
            return type(error).__name__
        return "none"

    assert perform(handled()) == "ResponseError"
    assert perform(plan.run(get("key"))) == b"handled"


def test_an_error_that_a_plan_does_not_handle_is_raised(perform: Perform) -> None:
    ended: list[bool] = []

    def unhandled() -> Plan[None]:
        try:
            yield from plan.run(fail())
        finally:
            ended.append(True)

    with pytest.raises(Exception, match="not an integer"):
        perform(unhandled())
    assert ended == [True]


def test_an_error_of_the_plan_itself_is_raised(perform: Perform) -> None:
    def broken() -> Plan[None]:
        yield from plan.run(get("key"))
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        perform(broken())


def test_work_is_done_outside_of_the_loop(perform: Perform, request: pytest.FixtureRequest) -> None:
    def steps() -> Plan[str]:
        return (yield from plan.work(lambda: threading.current_thread().name))

    here = threading.current_thread().name
    assert (perform(steps()) == here) is ("[sync]" in request.node.name)


def test_work_that_fails_is_the_plans_to_handle(perform: Perform) -> None:
    def steps() -> Plan[str]:
        try:
            yield from plan.work(lambda: 1 // 0)
        except ZeroDivisionError:
            return "handled"
        return "none"

    assert perform(steps()) == "handled"


def test_a_part_of_a_plan_is_performed_by_another_client(perform: Perform) -> None:
    other = Shiftboss(f"fake://plan-{token_hex(8)}")

    def part() -> Plan[bytes | None]:
        yield from plan.run(put("key", "there"))
        try:
            yield from plan.run(command("INCR", ["key"], [], int))
        except RedisError:
            return (yield from plan.run(get("key")))
        return None

    def steps() -> Plan[tuple[Any, Any]]:
        yield from plan.run(put("key", "here"))
        there = yield from plan.elsewhere(other, part())
        return there, (yield from plan.run(get("key")))

    assert perform(steps()) == (b"there", b"here")
