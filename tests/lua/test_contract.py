"""Every Lua file keeps the contract of the design, §4."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import pytest

from shiftboss.scripts import Header
from tests.lua import contract
from tests.lua.contract import Read

ROOMS = {
    "outbox": ("shiftboss.outbox",),
    "batches": ("shiftboss.batches.calls",),
    "limiters": ("shiftboss.limiters.calls",),
    "periodic": ("shiftboss.periodic.calls",),
    "sidekiq": (
        "shiftboss.engines.sidekiq.calls",
        "shiftboss.engines.sidekiq.worker.calls",
        "shiftboss.engines.sidekiq.joined",
        "shiftboss.engines.sidekiq.sets.calls",
    ),
}
# Arguments are unpacked at once where the caller never gives more than some hundred.
SMALL = {
    "batches/open": "the fields of one record",
    "batches/open_child": "the fields of one record",
    "batches/ack": "the outcomes of 200 members at most",
}
# Keys that scripts call otherwise than shiftboss.keys does.
ALIASES = {"receipt": "pushed", "processed_day": "processed_on", "failed_day": "failed_on"}

READ = contract.reader()
FILES = contract.names()
SCRIPTS = [name for name in FILES if not contract.is_lib(name)]


def function_of(name: str) -> Callable[..., Any]:
    """The function of the same name as a script, in the calls of its room."""
    room, _, short = name.partition("/")
    assert room in ROOMS, f"{name}.lua: say in ROOMS where its room's functions are"
    homes = [import_module(module) for module in ROOMS[room]]
    found: list[Callable[..., Any]] = [vars(home)[short] for home in homes if short in vars(home)]
    found = [function for function in found if function.__module__ in ROOMS[room]]
    places = " or ".join(ROOMS[room])
    assert len(found) == 1, f"{name}.lua: expected one function {short} in {places}, found {len(found)}"
    return found[0]


def test_there_are_files() -> None:
    assert len(SCRIPTS) > 10


@pytest.mark.parametrize("name", SCRIPTS)
@pytest.mark.parametrize(
    "check",
    [contract.check_header, contract.check_compiles, contract.check_globals],
    ids=lambda check: check.__name__.removeprefix("check_"),
)
def test_a_script(name: str, check: Callable[[str, Read], list[str]]) -> None:
    assert check(name, READ) == []


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize(
    "check",
    [contract.check_slots, contract.check_includes, contract.check_size, contract.check_keys],
    ids=lambda check: check.__name__.removeprefix("check_"),
)
def test_a_file(name: str, check: Callable[[str, Read], list[str]]) -> None:
    assert check(name, READ) == []


@pytest.mark.parametrize("name", FILES)
def test_a_file_does_nothing_that_is_banned(name: str) -> None:
    wrong = contract.check_bans(name, READ)
    assert [line for line in wrong if not (name in SMALL and "unpack of all ARGV" in line)] == []


@pytest.mark.parametrize("name", SCRIPTS)
def test_a_script_has_a_function_with_its_parameters(name: str) -> None:
    assert contract.check_function(name, function_of(name), Header.parse(name, READ(name)), ALIASES) == []


def test_every_library_is_included_somewhere() -> None:
    included = {lib for name in FILES for lib in contract._INCLUDE.findall(READ(name))}
    assert {name for name in FILES if contract.is_lib(name)} == included


def test_the_exceptions_are_needed() -> None:
    assert [name for name in SMALL if name not in FILES or not contract.check_bans(name, READ)] == []
