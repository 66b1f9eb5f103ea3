"""Each check of the contract catches a fault planted for it, and names the file and what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ResponseError

from shiftboss.keys import BatchKeys, ShardKeys
from shiftboss.scripts import Arg, Call, Header, Script
from shiftboss.store import AsyncStore, Store
from tests.lua import contract
from tests.lua.contract import Read

FAULTS = Path(__file__).parent / "faults"
READ = contract.reader(FAULTS)

header, slots, includes, size = (
    contract.check_header,
    contract.check_slots,
    contract.check_includes,
    contract.check_size,
)
compiles, globals_, bans, keys = (
    contract.check_compiles,
    contract.check_globals,
    contract.check_bans,
    contract.check_keys,
)

PLANTED: dict[str, tuple[Callable[[str, Read], list[str]], str]] = {
    "header_missing": (header, "expected a header --[[ ... ]] on its first line"),
    "header_without_returns": (header, "missing ['RETURNS']"),
    "header_out_of_order": (header, "KEYS 1 ran is out of order"),
    "header_line": (header, "expected 'number name type meaning' under KEYS, got '1 record'"),
    "flag_unknown": (header, "unknown flag 'RESENT no'"),
    "flag_value": (header, "RESEND cannot be 'never'"),
    "flag_undeclared": (header, "UNDECLARED cannot be 'wake'"),
    "key_not_named": (slots, ":11: reads KEYS[2], which the header does not name"),
    "key_not_read": (slots, "never reads KEYS[1], which the header calls record"),
    "key_in_comment": (slots, "never reads KEYS[1], which the header calls record"),
    "argument_not_named": (slots, ":11: reads ARGV[2], which the header does not name"),
    "argument_not_read": (slots, "never reads ARGV[1], which the header calls bid"),
    "argument_computed": (slots, ":12: reads KEYS by a computed number, but the header names no KEYS n..."),
    "rest_not_read": (slots, "never reads ARGV[2...], which the header calls pairs"),
    "lib/reads_keys": (slots, ":3: a library reads KEYS"),
    "include_missing": (includes, "no Lua file lib/nowhere.lua"),
    "include_cycle": (includes, "include cycle: include_cycle -> lib/round -> lib/about -> lib/round"),
    "include_script": (includes, "includes none; only files of lib may be included"),
    "too_long": (size, "91 lines; at most 80"),
    "too_long_assembled": (size, "lines with its includes; at most 250"),
    "syntax": (compiles, "')' expected"),
    "syntax_of_a_later_lua": (compiles, "'=' expected near 'done'"),
    "global_set": (globals_, "sets the global found"),
    "global_function": (globals_, "sets the global find"),
    "global_read": (globals_, "'return nwo' reads the global nwo"),
    "global_out_of_scope": (globals_, "'return found' reads the global found"),
    "ban_cjson": (bans, ":11: cjson is banned"),
    "ban_cmsgpack": (bans, ":11: cmsgpack is banned"),
    "ban_struct": (bans, ":11: struct is banned"),
    "ban_bit": (bans, ":11: bit is banned"),
    "ban_loadstring": (bans, ":11: loadstring is banned"),
    "ban_os": (bans, ":11: os is banned"),
    "ban_sha1hex": (bans, ":11: redis.sha1hex is banned"),
    "ban_random": (bans, ":11: math.random is banned"),
    "ban_keys_command": (bans, ":11: the command KEYS is banned"),
    "ban_scan": (bans, ":11: the command SCAN is banned"),
    "ban_unpack": (bans, ":11: unpack of all ARGV"),
    "key_built_from_a_key": (keys, "GET is given a key that was built here: KEYS[1]..':'..ARGV[1]"),
    "key_built_from_an_argument": (keys, "HGET is given a key that was built here: 'sb:'..ARGV[1]"),
    "key_built_before": (keys, "GET is given a key that was built here: record"),
    "key_built_beyond_the_prefix": (keys, "GET is given a key that was built here: ARGV[1]..ARGV[2]"),
}
# What the servers catch (below), what the others include, and the one without a fault.
OTHERS = {
    "none",
    "undeclared",
    "two_slots",
    "includes_reader",
    "lib/round",
    "lib/about",
    *(f"lib/long{n}" for n in range(4)),
}
CHECKS = (header, slots, includes, size, compiles, globals_, bans, keys)


@pytest.mark.parametrize("name", PLANTED)
def test_a_planted_fault_is_caught(name: str) -> None:
    check, message = PLANTED[name]
    found = check(name, READ)
    assert found, f"{check.__name__} lets {name}.lua pass"
    assert all(line.startswith(f"{name}.lua:") for line in found)
    assert any(message in line for line in found), found


def test_every_fault_file_has_its_test() -> None:
    assert set(contract.names(FAULTS)) == set(PLANTED) | OTHERS


def test_a_file_without_a_fault_passes_every_check() -> None:
    assert [line for check in CHECKS for line in check("none", READ)] == []


# Faults between a script and its function.

TEXT = """--[[
Record outcomes.

KEYS
  1 record     hash
  2 out        zset
ARGV
  1 bid        string
  2 grace      integer
  3 quiet      integer
  4 nfields    integer
  5... fields  string
RETURNS
  items
]]
"""
HEADER = Header.parse("t/ack", TEXT)
ACK = Script("t/ack", lambda _: TEXT)


def made(keys: list[str], args: list[Arg]) -> Call[Any]:
    return ACK.call(list, keys, args)


def right(keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg]) -> Call[Any]:
    return made([keys.record, keys.out], [bid, grace, int(quiet), len(fields), *fields])


def key_swapped(keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg]) -> Call[Any]:
    return made([keys.out, keys.record], [bid, grace, int(quiet), len(fields), *fields])


def key_wrong(keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg]) -> Call[Any]:
    return made([keys.record, keys.holds], [bid, grace, int(quiet), len(fields), *fields])


def key_missing(keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg]) -> Call[Any]:
    return made([keys.record], [bid, grace, int(quiet), len(fields), *fields])


def key_too_many(keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg]) -> Call[Any]:
    return made([keys.record, keys.out, keys.index], [bid, grace, int(quiet), len(fields), *fields])


def arguments_swapped(keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg]) -> Call[Any]:
    return made([keys.record, keys.out], [grace, bid, int(quiet), len(fields), *fields])


def argument_missing(keys: BatchKeys, bid: str, grace: int, quiet: bool) -> Call[Any]:
    return made([keys.record, keys.out], [bid, grace, int(quiet)])


def argument_changed(keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg]) -> Call[Any]:
    return made([keys.record, keys.out], [bid, grace // 1000, int(quiet), len(fields), *fields])


def truth_turned(keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg]) -> Call[Any]:
    return made([keys.record, keys.out], [bid, grace, int(not quiet), len(fields), *fields])


def rest_turned(keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg]) -> Call[Any]:
    return made([keys.record, keys.out], [bid, grace, int(quiet), len(fields), *reversed(fields)])


def count_wrong(keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg]) -> Call[Any]:
    return made([keys.record, keys.out], [bid, grace, int(quiet), len(fields) // 2, *fields])


def parameter_unused(
    keys: BatchKeys, bid: str, grace: int, quiet: bool, fields: Sequence[Arg], shard: ShardKeys, token: str
) -> Call[Any]:
    return made([keys.record, keys.out], [bid, grace, int(quiet), len(fields), *fields])


def other_script(keys: BatchKeys) -> Call[Any]:
    return Script("t/other", lambda _: TEXT).call(list, [keys.record], [])


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (key_swapped, "puts keys.out into KEYS 1 record"),
        (key_wrong, "puts keys.holds into KEYS 2 out"),
        (key_missing, "gives 1 KEYS; the header names 2"),
        (key_too_many, "gives 3 KEYS; the header names 2"),
        (arguments_swapped, "puts '<bid>' into ARGV 2 grace"),
        (argument_missing, "gives 3 ARGV; the header names 4 or more"),
        (argument_changed, "into ARGV 2 grace"),
        (truth_turned, "into ARGV 3 quiet"),
        (rest_turned, "into ARGV 5 fields"),
        (count_wrong, "puts 1 into ARGV 4 nfields"),
        (parameter_unused, "does not use its parameter token"),
        (parameter_unused, "does not use its parameter shard"),
        (other_script, "calls t/other"),
    ],
)
def test_a_function_that_does_not_fit_its_script_is_caught(function: Callable[..., Call[Any]], message: str) -> None:
    found = contract.check_function("t/ack", function, HEADER)
    assert all(line.startswith(f"t/ack.lua: {__name__}.{function.__name__}") for line in found)
    assert any(message in line for line in found), found


def test_a_function_that_fits_passes() -> None:
    assert contract.check_function("t/ack", right, HEADER) == []


# Faults that only a server catches: the backends that are there for it do, and a plain server does not.


def planted(name: str, keys: list[str], args: list[Arg]) -> Call[Any]:
    return Script(name, READ).call(lambda reply: reply, keys, args)


UNDECLARED = planted("undeclared", ["{a}:declared"], ["{a}:undeclared"])
TWO_SLOTS = planted("two_slots", ["{a}:key", "{b}:key"], ["v"])


@pytest.mark.own_keys
@pytest.mark.backends("acl")
def test_a_key_that_was_not_declared_is_refused(store: Store) -> None:
    with pytest.raises(ResponseError, match=r"(?i)acl|permission"):
        store.run(UNDECLARED)


@pytest.mark.own_keys
@pytest.mark.backends("acl")
@pytest.mark.asyncio
async def test_a_key_that_was_not_declared_is_refused_in_asyncio(astore: AsyncStore) -> None:
    with pytest.raises(ResponseError, match=r"(?i)acl|permission"):
        await astore.run(UNDECLARED)


@pytest.mark.own_keys
@pytest.mark.backends("cluster")
def test_keys_of_two_slots_are_refused(store: Store) -> None:
    with pytest.raises(ResponseError, match=r"(?i)slot"):
        store.run(TWO_SLOTS)
    # Were only one of them declared, Redis would look at the other when it is touched, but only with a shebang.
    with pytest.raises(ResponseError, match="do not hash to the same slot"):
        store.run(planted("undeclared", ["{a}:key"], ["{b}:key"]))
    with store.line("{a}:key") as line:
        assert line.run(planted("undeclared", ["{a}:key"], ["{b}:key"])) is None


@pytest.mark.own_keys
@pytest.mark.backends("cluster")
@pytest.mark.asyncio
async def test_keys_of_two_slots_are_refused_in_asyncio(astore: AsyncStore) -> None:
    with pytest.raises(ResponseError, match=r"(?i)slot"):
        await astore.run(TWO_SLOTS)


@pytest.mark.own_keys
@pytest.mark.backends("embedded", "redis", "fake")
def test_a_plain_server_lets_both_pass(store: Store) -> None:
    assert store.run(UNDECLARED) is None
    assert store.run(TWO_SLOTS) == b"OK"
