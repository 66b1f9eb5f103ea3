"""The fixtures themselves: each backend works, is empty, and refuses what it is there to refuse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from redis.exceptions import ResponseError

from shiftboss.client import Shiftboss, current_client
from shiftboss.scripts import Call, Script
from shiftboss.store import AsyncStore, Store, command
from tests.backends import Backend, what_is_wrong

pytestmark = pytest.mark.own_keys

HEADER = """--[[
A test's script.

KEYS
  1... keys  string  some
ARGV
  1... args  string  some
RETURNS
  whatever
]]
"""


def call(body: str, keys: list[str], *args: Any) -> Call[Any]:
    return Script("test", lambda _: HEADER + body).call(lambda reply: reply, keys, args)


SET = "redis.call('SET', KEYS[1], ARGV[1], 'PX', 60000) return redis.call('GET', KEYS[1])"
UNDECLARED = "return redis.call('GET', ARGV[1])"


def test_a_script_runs(store: Store) -> None:
    assert store.run(call(SET, ["{a}:k"], "v")) == b"v"
    assert store.run_many([call(SET, ["{a}:k"], n) for n in range(3)]) == [b"0", b"1", b"2"]


@pytest.mark.asyncio
async def test_a_script_runs_in_asyncio(astore: AsyncStore) -> None:
    assert await astore.run(call(SET, ["{a}:k"], "v")) == b"v"
    assert await astore.run_many([call(SET, ["{a}:k"], n) for n in range(3)]) == [b"0", b"1", b"2"]


def test_each_test_begins_empty(backend: Backend) -> None:
    assert backend.raw.dbsize() == 0
    backend.raw.set("left", "behind")


def test_each_test_begins_empty_again(backend: Backend) -> None:
    assert backend.raw.dbsize() == 0


def test_the_client_is_current(client: Shiftboss) -> None:
    assert current_client() is client


@pytest.mark.asyncio
async def test_the_client_is_current_in_asyncio(aclient: Shiftboss) -> None:
    assert current_client() is aclient
    assert await aclient.astore.run(command("PING", [], [], bytes)) == b"PONG"
    assert await asyncio.gather(*(aclient.astore.run(call(SET, [f"{{a}}:{n}"], n)) for n in range(8))) == [
        str(n).encode() for n in range(8)
    ]


def test_a_client_by_url_meets_the_same_server(backend: Backend, new_client: Callable[..., Shiftboss]) -> None:
    new_client(namespace="other").store.run(call(SET, ["{a}:k"], "v"))
    assert Shiftboss(backend.url).store.run(command("GET", ["{a}:k"], [], bytes)) == b"v"
    assert backend.namespaces == {"sb", "other"}


@pytest.mark.backends("acl")
def test_an_undeclared_key_is_refused(store: Store) -> None:
    assert store.run(call(SET, ["we?ird[*"], "v")) == b"v"
    with pytest.raises(ResponseError, match=r"(?i)acl|permission"):
        store.run(call(UNDECLARED, ["{a}:k"], "{a}:other"))
    with pytest.raises(ResponseError, match=r"(?i)acl|permission"):
        store.run(call(UNDECLARED, ["we?ird[*"], "weeird[x"))


@pytest.mark.backends("acl")
@pytest.mark.asyncio
async def test_an_undeclared_key_is_refused_in_asyncio(astore: AsyncStore) -> None:
    with pytest.raises(ResponseError, match=r"(?i)acl|permission"):
        await astore.run(call(UNDECLARED, ["{a}:k"], "{a}:other"))


@pytest.mark.backends("cluster")
def test_another_slot_is_refused(store: Store) -> None:
    assert store.run(call(UNDECLARED, ["{a}:k"], "{a}:other")) is None
    with pytest.raises(ResponseError, match="do not hash to the same slot"):
        store.run(call(UNDECLARED, ["{a}:k"], "{b}:other"))


@pytest.mark.backends("cluster")
@pytest.mark.asyncio
async def test_another_slot_is_refused_in_asyncio(astore: AsyncStore) -> None:
    with pytest.raises(ResponseError, match="do not hash to the same slot"):
        await astore.run(call(UNDECLARED, ["{a}:k"], "{b}:other"))


@pytest.mark.parametrize(
    ("key", "kind", "ttl", "wrong"),
    [
        ("sb:{b00}:00abc", "hash", 1000, None),
        ("sb:{b00}:00abc", "hash", -1, "has no TTL"),
        ("sb:{b00}:00abc", "set", 1000, "is a set"),
        ("sb:{b00}:index", "zset", 1000, None),
        ("sb:{b00}:index", "hash", 1000, "is a hash"),
        ("other:reaper", "string", 1000, None),
        ("sb:what:is:this", "hash", 1000, "matches no row"),
        ("queue:default", "list", -1, None),
        ("nothing", "string", 1000, "matches no row"),
        ("host:1:abc", "hash", -1, "has no TTL"),
    ],
)
def test_a_stray_key_is_seen(key: str, kind: str, ttl: int, wrong: str | None) -> None:
    found = what_is_wrong(key, kind, ttl, {"sb", "other"})
    assert found is None if wrong is None else wrong in str(found)


def test_strays_are_read_from_the_server(backend: Backend) -> None:
    backend.raw.set("nobodys", "key")
    backend.raw.set("sb:reaper", "me")
    assert backend.strays() == [
        "'nobodys' (string) matches no row of shiftboss.catalogue.CATALOGUE",
        "'sb:reaper' has no TTL; <ns>:reaper is not permanent",
    ]
