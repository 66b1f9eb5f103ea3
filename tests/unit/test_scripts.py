"""Scripts: found, assembled, read; and calls as data."""

from __future__ import annotations

import hashlib
import pickle
from collections.abc import Callable

import pytest

from shiftboss.errors import ScriptError
from shiftboss.scripts import Call, Header, Script, Slot, command, script

HEADER = """--[[
Do something,
in two lines.

KEYS
  1 record    hash      the batch
  2... rest   string    more of them,
     in two lines
ARGV
  1 bid       string
RETURNS
  {status, n}: what became of it;
  and how many
]]
"""


def files(**texts: str) -> Callable[[str], str]:
    def read(name: str) -> str:
        if name not in texts:
            raise ScriptError(f"no Lua file {name}.lua")
        return texts[name]

    return read


def test_a_header() -> None:
    header = Header.parse("t", HEADER + "return 1")
    assert header.summary == "Do something, in two lines."
    assert header.keys == (Slot(1, "record", "hash"), Slot(2, "rest", "string", rest=True))
    assert header.argv == (Slot(1, "bid", "string"),)
    assert header.returns == "{status, n}: what became of it;\nand how many"
    assert (header.resend, header.many_slots, header.undeclared) == (True, False, None)


def test_flags() -> None:
    header = Header.parse("t", HEADER.replace("\n]]", "\nRESEND no\nSLOTS many\nUNDECLARED bid\n]]"))
    assert (header.resend, header.many_slots, header.undeclared) == (False, True, "bid")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("return 1", "t.lua: expected a header --[[ ... ]] on its first line"),
        ("\n" + HEADER, "t.lua: expected a header --[[ ... ]] on its first line"),
        ("--[[\nA.\nKEYS\nARGV\n]]\n", "missing ['RETURNS']"),
        ("--[[\nKEYS\nARGV\nRETURNS\n  1\n]]\n", "missing the sentence"),
        (HEADER.replace("  1 bid ", "  2 bid "), "t.lua: ARGV 2 bid is out of order"),
        (HEADER.replace("ARGV", "  3 more set\nARGV"), "t.lua: KEYS 3 more is out of order"),
        (
            HEADER.replace("  1 bid       string", "  bid string"),
            "expected 'number name type meaning' under ARGV, got 'bid string'",
        ),
    ],
)
def test_a_header_that_cannot_be_read(text: str, message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        Header.parse("t", text)
    assert message in str(caught.value)


def test_includes_come_first_each_once_and_deepest_first() -> None:
    read = files(
        main="--- @include lib/a\n--- @include lib/b\nmain",
        **{"lib/a": "--- @include lib/c\na", "lib/b": "--- @include lib/c\nb", "lib/c": "c"},
    )
    assert Script("main", read).text.split() == ["c", "a", "b", "main"]


def test_an_include_is_a_line_of_its_own() -> None:
    text = "-- see --- @include lib/a\n  --- @include lib/a\nmain"
    assert Script("main", files(main=text)).text == text


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ({"main": "--- @include lib/a"}, "no Lua file lib/a.lua"),
        ({"main": "--- @include main"}, "include cycle: main -> main"),
        (
            {"main": "--- @include a", "a": "--- @include b", "b": "--- @include a"},
            "include cycle: main -> a -> b -> a",
        ),
    ],
)
def test_includes_that_cannot_be(texts: dict[str, str], message: str) -> None:
    with pytest.raises(ScriptError) as caught:
        _ = Script("main", files(**texts)).text
    assert str(caught.value) == message


def test_the_sha_is_that_of_the_assembled_text() -> None:
    one = Script("main", files(main="--- @include a\nmain", a="a"))
    other = Script("main", files(main="--- @include a\nmain", a="changed"))
    assert one.sha == hashlib.sha1(one.text.encode()).hexdigest()
    assert one.sha != other.sha


def test_packaged_scripts_are_found_once() -> None:
    assert script("outbox/claim") is script("outbox/claim")
    assert "local function clock()" in script("outbox/claim").text
    assert script("outbox/claim").header.argv[0].name == "lease"
    with pytest.raises(ScriptError, match=r"no Lua file outbox/nothing\.lua; is it included or named correctly\?"):
        _ = script("outbox/nothing").text


def test_a_call_is_data() -> None:
    call = Script("t", files(t=HEADER)).call(int, ["a", "b"], ["x", 1, 2.5, b"y"])
    assert (call.name, call.keys, call.args, call.resend) == ("t", ("a", "b"), ("x", 1, 2.5, b"y"), True)
    assert call.words() == ("EVALSHA", call.operation.sha, 2, "a", "b", "x", 1, 2.5, b"y")  # type: ignore[union-attr]
    assert call.words(whole=True) == ("EVAL", HEADER, 2, "a", "b", "x", 1, 2.5, b"y")
    assert call.decode(b"5") == 5


def test_a_script_that_must_not_run_twice_makes_calls_that_are_not_resent() -> None:
    text = HEADER.replace("\n]]", "\nRESEND no\n]]")
    assert Script("t", files(t=text)).call(int, ["a"]).resend is False


def test_a_plain_command() -> None:
    call = command("HGET", ["key"], ["field"], bytes.decode)
    assert (call.name, call.words(), call.words(whole=True)) == (
        "HGET",
        ("HGET", "key", "field"),
        ("HGET", "key", "field"),
    )
    assert call.resend
    assert not command("LPOP", ["key"], [], bytes, resend=False).resend
    assert pickle.loads(pickle.dumps(call)).words() == call.words()
    assert isinstance(call, Call)
