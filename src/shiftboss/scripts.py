"""Lua files as operations: find one, assemble its includes, read its header, bind it to keys and arguments.

A script opens with a header that is read by machine and held against its body and its Python function by the tests:

    --[[
    Record the outcome of members, once each.

    KEYS
      1 record    hash      the batch
    ARGV
      1 bid       string
      2... pairs  string    position and outcome, alternating
    RETURNS
      the consequences, as outbox items
    ]]
    --- @include lib/clock

Three lines may stand between RETURNS and the end: ``RESEND no`` (the same call sent twice does not mean the same as once),
``SLOTS many`` (it joins keys of different slots: standalone servers only) and ``UNDECLARED <argument>`` (it touches keys that
begin with what the argument says, in the same slot).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha1
from typing import Any, Generic, TypeVar

from shiftboss.errors import ScriptError

T = TypeVar("T")

Arg = str | bytes | int | float

_INCLUDE = re.compile(r"^--- @include (\S+)[ \t]*$", re.MULTILINE)
_HEADER = re.compile(r"\A--\[\[\n(.*?)\n\]\]\n", re.DOTALL)
_SLOT = re.compile(r"  (\d+)(\.\.\.)? +(\w+) +(\w+)(?: +(.*))?")
_SECTIONS = ("KEYS", "ARGV", "RETURNS")


@dataclass(frozen=True, slots=True)
class Slot:
    """One line of a header: the n-th key or argument. `rest` means: and all that follow."""

    number: int
    name: str
    type: str
    rest: bool = False


@dataclass(frozen=True, slots=True)
class Header:
    """What a script says of itself."""

    summary: str
    keys: tuple[Slot, ...]
    argv: tuple[Slot, ...]
    returns: str
    resend: bool = True
    many_slots: bool = False
    undeclared: str | None = None

    @classmethod
    def parse(cls, name: str, text: str) -> Header:
        """Read the header of a script's text.

        Raises:
            ScriptError: No header, a section missing, or a line that is not ``number name type meaning`` in order.
        """
        found = _HEADER.match(text)
        if not found:
            raise ScriptError(f"{name}.lua: expected a header --[[ ... ]] on its first line")
        summary, sections, flags = _split(name, found.group(1))
        return cls(
            summary=summary,
            keys=_slots(name, "KEYS", sections["KEYS"]),
            argv=_slots(name, "ARGV", sections["ARGV"]),
            returns="\n".join(line.strip() for line in sections["RETURNS"]),
            resend=flags.get("RESEND") != "no",
            many_slots=flags.get("SLOTS") == "many",
            undeclared=flags.get("UNDECLARED"),
        )


class Script:
    """One Lua file with its includes: the unit that Redis runs atomically.

    Args:
        name: Its path below ``lua/`` without the ending, such as ``"batches/ack"``.
        read: How a file's text is found; the tests read faulty ones.
    """

    def __init__(self, name: str, read: Callable[[str], str] | None = None) -> None:
        self.name = name
        self._read = read or _read_packaged

    @cached_property
    def text(self) -> str:
        """The assembled text: includes first, each once, deepest first."""
        pieces: dict[str, str] = {}
        self._collect(self.name, pieces, ())
        return "\n".join(pieces.values())

    @cached_property
    def header(self) -> Header:
        return Header.parse(self.name, self._read(self.name))

    @cached_property
    def sha(self) -> str:
        """What EVALSHA calls it by."""
        return sha1(self.text.encode(), usedforsecurity=False).hexdigest()

    @cached_property
    def resend(self) -> bool:
        return self.header.resend

    def call(self, decode: Callable[[Any], T], keys: Sequence[str], args: Sequence[Arg] = ()) -> Call[T]:
        """This script bound to keys and arguments; `decode` makes the reply a value."""
        return Call(self, tuple(keys), tuple(args), decode)

    def _collect(self, name: str, pieces: dict[str, str], stack: tuple[str, ...]) -> None:
        if name in stack:
            raise ScriptError(f"include cycle: {' -> '.join((*stack, name))}")
        if name in pieces:
            return
        text = self._read(name)
        for included in _INCLUDE.findall(text):
            self._collect(included, pieces, (*stack, name))
        pieces[name] = _INCLUDE.sub("", text)

    def __repr__(self) -> str:
        return f"Script({self.name!r})"


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One operation on Redis as data: what to run, on which keys, and how to read the reply. It does no I/O.

    Args:
        operation: A `Script`, or the name of a plain command whose keys come first.
        keys: All in one slot, unless the script says otherwise.
        args: Strings, bytes, integers and floats.
        decode: Makes the reply a value.
        resend: Whether a plain command may be sent again after a lost reply; a script's header decides for scripts.
    """

    operation: Script | str
    keys: tuple[str, ...]
    args: tuple[Arg, ...]
    decode: Callable[[Any], T]
    resend: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.operation, Script) and not self.operation.resend:
            object.__setattr__(self, "resend", False)

    def words(self, *, whole: bool = False) -> tuple[Arg, ...]:
        """The command as sent: EVALSHA, or EVAL with the `whole` text for a server that does not know the script yet."""
        operation = self.operation
        if isinstance(operation, str):
            return (operation, *self.keys, *self.args)
        if whole:
            return ("EVAL", operation.text, len(self.keys), *self.keys, *self.args)
        return ("EVALSHA", operation.sha, len(self.keys), *self.keys, *self.args)

    @property
    def name(self) -> str:
        return self.operation if isinstance(self.operation, str) else self.operation.name


def command(
    name: str, keys: Sequence[str], args: Sequence[Arg], decode: Callable[[Any], T], *, resend: bool = True
) -> Call[T]:
    """A plain Redis command as a `Call`; its keys stand first on the wire."""
    return Call(name, tuple(keys), tuple(args), decode, resend)


@cache
def script(name: str) -> Script:
    """The packaged script of that name, the same object each time; its file is read at its first use."""
    return Script(name)


def _read_packaged(name: str) -> str:
    from importlib.resources import files

    path = files("shiftboss.lua")
    for part in f"{name}.lua".split("/"):
        path = path / part
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise ScriptError(f"no Lua file {name}.lua; is it included or named correctly?") from None


def _split(name: str, body: str) -> tuple[str, dict[str, list[str]], dict[str, str]]:
    summary: list[str] = []
    sections: dict[str, list[str]] = {}
    flags: dict[str, str] = {}
    current = summary
    for line in body.split("\n"):
        word, _, rest = line.partition(" ")
        if line in _SECTIONS:
            current = sections[line] = []
        elif word in ("RESEND", "SLOTS", "UNDECLARED"):
            flags[word] = rest.strip()
        elif line.strip():
            current.append(line)
    missing = [section for section in _SECTIONS if section not in sections]
    if missing or not summary:
        raise ScriptError(
            f"{name}.lua: expected a sentence, KEYS, ARGV and RETURNS in the header, missing {missing or 'the sentence'}"
        )
    return " ".join(line.strip() for line in summary), sections, flags


def _slots(name: str, section: str, lines: list[str]) -> tuple[Slot, ...]:
    slots: list[Slot] = []
    for line in lines:
        found = _SLOT.fullmatch(line)
        if not found:
            if slots and line.startswith("     "):
                continue
            raise ScriptError(f"{name}.lua: expected 'number name type meaning' under {section}, got {line.strip()!r}")
        number, rest, slot, kind, _ = found.groups()
        if int(number) != len(slots) + 1 or (slots and slots[-1].rest):
            raise ScriptError(f"{name}.lua: {section} {number} {slot} is out of order")
        slots.append(Slot(int(number), slot, kind, rest is not None))
    return tuple(slots)
