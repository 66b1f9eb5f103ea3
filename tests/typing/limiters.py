"""Limiters as a type checker sees them; see jobs.py for what the marks mean."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any, assert_type

from shiftboss import limiters
from shiftboss.limiters import AllOf, BucketLimiter, ConcurrentLimiter, Grant, Limiter, Permit, PointsGrant

erp = limiters.concurrent("erp", 50)
github = limiters.bucket("github", 5000, "hour", policy="raise")
sms = limiters.window("sms", 5, "minute", policy="skip", prefetch=2)
shopify = limiters.leaky("shopify", 40, "second", drain=2, policy="skip")
graphql = limiters.points("graphql", 1000, refill_per_second=50, wait_timeout=0)


def what_they_give() -> None:
    assert_type(erp.acquire(), Grant)
    assert_type(erp.try_acquire(), Grant | None)
    assert_type(github.acquire(), Permit)
    assert_type(sms.try_acquire(), Permit | None)
    with erp.within_limit() as grant:
        assert_type(grant.fence, int)
    with graphql.within_limit(cost=120) as points:
        assert_type(points, PointsGrant)
        assert_type(points.correct(87), int)
    with shopify.within_limit() as drop:
        drop.correct(3)  # type: ignore[attr-defined]  # error: has no attribute "correct"


async def what_they_give_to_coroutines() -> None:
    assert_type(await erp.aacquire(), Grant)
    assert_type(await graphql.atry_acquire(), PointsGrant | None)
    async with erp.within_limit() as grant:
        assert_type(grant, Grant)


@erp.limit
def raises(path: str) -> bytes:
    return b""


@sms.limit
def skips(path: str) -> bytes:
    return b""


@shopify.limit
async def skips_in_a_coroutine(path: str) -> bytes:
    return b""


@limiters.unlimited().limit
async def is_free(path: str) -> bytes:
    return b""


@limiters.all_of(erp, github).limit
def is_limited_twice(path: str) -> bytes:
    return b""


def what_a_decorated_function_returns() -> None:
    assert_type(raises("a"), bytes)
    assert_type(skips("a"), bytes | None)
    assert_type(is_limited_twice("a"), bytes)
    skips("a").decode()  # type: ignore[union-attr]  # error: has no attribute "decode"
    raises(5)  # type: ignore[arg-type]  # error: incompatible type "int"


async def what_a_decorated_coroutine_function_returns() -> None:
    assert_type(await skips_in_a_coroutine("a"), bytes | None)
    assert_type(await is_free("a"), bytes)


def annotations_may_name_a_limiter_alone(one: ConcurrentLimiter, any_kind: Limiter, together: AllOf) -> BucketLimiter:
    assert_type(one.acquire(), Grant)
    any_kind.acquire().anything_goes()
    together.acquire().release()
    return limiters.bucket("github", 5000, "hour", policy="skip")


def a_policy_known_later(policy: limiters.limits.Policy) -> Callable[[str], Coroutine[Any, Any, bytes | None]]:
    async def fetch(url: str) -> bytes:
        return b""

    return limiters.concurrent("one", 1, policy=policy).limit(fetch)


limiters.bucket("github", 5000, "hour", wait=5)  # type: ignore[call-overload]  # error: No overload variant
limiters.concurrent("erp", 50, policy="drop")  # type: ignore[call-overload]  # error: No overload variant
