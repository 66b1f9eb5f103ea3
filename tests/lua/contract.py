"""What every Lua file has to keep to, as checks on texts: the tests run them on the tree and on files with a fault each.

A check returns what is wrong, one line each, beginning with the file's name; nothing if all is well.
"""

from __future__ import annotations

import inspect
import re
import struct
import types
import typing
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from lupa import lua51

from shiftboss.errors import ScriptError
from shiftboss.scripts import Call, Header, Script, Slot

LUA = Path(__file__).parents[2] / "lua"
MOST_LINES = 80
MOST_ASSEMBLED_LINES = 250

Read = Callable[[str], str]
_INCLUDE = re.compile(r"^--- @include (\S+)[ \t]*$", re.MULTILINE)
_TOKEN = re.compile(
    r"""(?P<comment>--\[(?P<level>=*)\[.*?\](?P=level)\]|--[^\n]*)
      |(?P<string>\[(?P<long>=*)\[.*?\](?P=long)\]|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*")
      |(?P<name>[A-Za-z_]\w*)
      |(?P<number>0[xX][0-9a-fA-F]+|\d+\.?\d*(?:[eE][+-]?\d+)?)
      |(?P<symbol>\.\.\.|\.\.|==|~=|<=|>=|[^\s\w])""",
    re.VERBOSE | re.DOTALL,
)


def names(folder: Path = LUA) -> list[str]:
    """All files by name, such as ``batches/ack``."""
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.lua"))


def reader(folder: Path = LUA) -> Read:
    def read(name: str) -> str:
        try:
            return (folder / f"{name}.lua").read_text(encoding="utf-8")
        except FileNotFoundError:
            raise ScriptError(f"no Lua file {name}.lua") from None

    return read


def is_lib(name: str) -> bool:
    return name.startswith("lib/")


@dataclass(frozen=True)
class Token:
    """A word of Lua and the line it stands on."""

    kind: str
    text: str
    line: int


def tokens(text: str) -> list[Token]:
    """The words of a text, without its comments."""
    found: list[Token] = []
    for match in _TOKEN.finditer(text):
        kind = next(k for k in ("comment", "string", "name", "number", "symbol") if match[k] is not None)
        if kind != "comment":
            found.append(Token(kind, match[0], text.count("\n", 0, match.start()) + 1))
    return found


# The header.


def check_header(name: str, read: Read) -> list[str]:
    """It can be read, its flags are known, and it says what is returned."""
    text = read(name)
    try:
        header = Header.parse(name, text)
    except ScriptError as error:
        return [str(error)]
    wrong = [] if header.returns else [f"{name}.lua: RETURNS says nothing"]
    argv = {slot.name for slot in header.argv}
    for line in text.partition("\n]]")[0].splitlines():
        flag, _, value = line.partition(" ")
        if not re.fullmatch(r"[A-Z]{3,}", flag) or flag in {"KEYS", "ARGV", "RETURNS"}:
            continue
        known = {"RESEND": value == "no", "SLOTS": value == "many", "UNDECLARED": value in argv}
        if flag not in known:
            wrong.append(f"{name}.lua: unknown flag {line!r}; known are RESEND no, SLOTS many, UNDECLARED <an ARGV>")
        elif not known[flag]:
            wrong.append(f"{name}.lua: {flag} cannot be {value!r}")
    return wrong


def check_slots(name: str, read: Read) -> list[str]:
    """The body reads exactly the slots that the header names; a library reads none."""
    words = tokens(read(name))
    if is_lib(name):
        return [
            f"{name}.lua:{word.line}: a library reads {word.text}; its scripts pass it what it needs"
            for word in words
            if word.text in {"KEYS", "ARGV"} and word.kind == "name"
        ]
    header = Header.parse(name, read(name))
    return [
        *_check_slots_of(name, "KEYS", header.keys, words),
        *_check_slots_of(name, "ARGV", header.argv, words),
    ]


def _check_slots_of(name: str, table: str, slots: tuple[Slot, ...], words: list[Token]) -> list[str]:
    literal: dict[int, int] = {}
    computed: list[int] = []
    for at, word in enumerate(words):
        if word.kind == "name" and word.text == table:
            after = [w.text for w in words[at + 1 : at + 4]]
            if len(after) == 3 and after[0] == "[" and after[1].isdigit() and after[2] == "]":
                literal.setdefault(int(after[1]), word.line)
            else:
                computed.append(word.line)
    rest = slots[-1] if slots and slots[-1].rest else None
    fixed = {slot.number: slot for slot in slots if not slot.rest}
    wrong = [
        f"{name}.lua:{line}: reads {table}[{number}], which the header does not name"
        for number, line in sorted(literal.items())
        if number not in fixed and not (rest and number >= rest.number)
    ]
    wrong += [
        f"{name}.lua: never reads {table}[{number}], which the header calls {slot.name}"
        for number, slot in fixed.items()
        if number not in literal
    ]
    if computed and not rest:
        wrong.append(
            f"{name}.lua:{computed[0]}: reads {table} by a computed number, but the header names no {table} n..."
        )
    if rest and not computed and not any(number >= rest.number for number in literal):
        wrong.append(f"{name}.lua: never reads {table}[{rest.number}...], which the header calls {rest.name}")
    return wrong


# Includes, size, syntax.


def check_includes(name: str, read: Read) -> list[str]:
    """What it includes is there, lies in lib, and does not include it in turn."""
    wrong = [
        f"{name}.lua: includes {included}; only files of lib may be included"
        for included in _INCLUDE.findall(read(name))
        if not is_lib(included)
    ]
    try:
        _ = Script(name, read).text
    except ScriptError as error:
        wrong.append(f"{name}.lua: {error}")
    return wrong


def check_size(name: str, read: Read) -> list[str]:
    """At most 80 lines, and 250 with its includes, not counting empty ones: an include leaves one behind."""
    lines = len(read(name).splitlines())
    assembled = sum(bool(line.strip()) for line in Script(name, read).text.splitlines())
    wrong = [f"{name}.lua: {lines} lines; at most {MOST_LINES}"] if lines > MOST_LINES else []
    if assembled > MOST_ASSEMBLED_LINES:
        wrong.append(f"{name}.lua: {assembled} lines with its includes; at most {MOST_ASSEMBLED_LINES}")
    return wrong


def check_compiles(name: str, read: Read) -> list[str]:
    """Lua 5.1, the version inside Redis, takes it."""
    try:
        lua51.LuaRuntime().compile(Script(name, read).text)
    except lua51.LuaSyntaxError as error:
        return [f"{name}.lua: {error}"]
    return []


# Globals: read from the bytecode, where the compiler has told locals and globals apart.

_GETGLOBAL, _SETGLOBAL = 5, 7
KNOWN_GLOBALS = frozenset(
    "redis KEYS ARGV assert error ipairs math next pairs pcall select string table tonumber tostring type unpack".split()
)


def check_globals(name: str, read: Read) -> list[str]:
    """It sets no global and reads none but those that Redis and fakeredis both have."""
    text = Script(name, read).text
    lines = text.splitlines()
    wrong = []
    for opcode, variable, line in _global_accesses(text):
        where = f"{name}.lua: {lines[line - 1].strip()!r}"
        if opcode == _SETGLOBAL:
            wrong.append(f"{where} sets the global {variable}")
        elif variable not in KNOWN_GLOBALS:
            wrong.append(f"{where} reads the global {variable}")
    return wrong


def _global_accesses(text: str) -> Iterator[tuple[int, str, int]]:
    runtime = lua51.LuaRuntime(encoding=None)
    dump = runtime.eval(b"function(text) return string.dump(assert(loadstring(text))) end")
    bytecode: bytes = dump(text.encode())
    return _Chunk(bytecode).walk()


class _Chunk:
    """Lua 5.1 bytecode, as far as it takes to find the accesses to globals."""

    def __init__(self, data: bytes) -> None:
        assert data[:5] == b"\x1bLua\x51", "not Lua 5.1 bytecode"
        assert data[6:12] == bytes((1, 4, 8, 4, 8, 0)), "expected little-endian 64-bit bytecode with double numbers"
        self._data, self._at = data, 12

    def _take(self, form: str) -> int:
        (value,) = struct.unpack_from("<" + form, self._data, self._at)
        self._at += struct.calcsize("<" + form)
        return int(value)

    def _text(self) -> str:
        size = self._take("Q")
        raw = self._data[self._at : self._at + max(0, size - 1)]
        self._at += size
        return raw.decode("utf-8", "replace")

    def walk(self) -> Iterator[tuple[int, str, int]]:
        self._text()
        self._at += 4 + 4 + 4  # lines of its definition; upvalues, parameters, varargs, stack
        code = [self._take("I") for _ in range(self._take("i"))]
        constants = [self._constant() for _ in range(self._take("i"))]
        inner = [found for _ in range(self._take("i")) for found in self.walk()]
        lines = [self._take("i") for _ in range(self._take("i"))]
        for _ in range(self._take("i")):
            self._text()
            self._at += 8
        for _ in range(self._take("i")):
            self._text()
        for instruction, line in zip(code, lines, strict=True):
            if instruction & 0x3F in {_GETGLOBAL, _SETGLOBAL}:
                yield instruction & 0x3F, constants[instruction >> 14], line
        yield from inner

    def _constant(self) -> str:
        kind = self._take("B")
        if kind == 4:
            return self._text()
        self._at += {0: 0, 1: 1, 3: 8}[kind]
        return ""


# What it must not do.

BANNED_NAMES = frozenset(
    "cjson cmsgpack struct bit os io require dofile loadfile loadstring load setfenv getfenv rawset setmetatable "
    "collectgarbage coroutine debug".split()
)
BANNED_MEMBERS = {
    "redis": frozenset("sha1hex replicate_commands set_repl setresp breakpoint acl_check_cmd".split()),
    "math": frozenset(("random", "randomseed")),
}
BANNED_COMMANDS = frozenset(
    "KEYS SCAN RANDOMKEY FLUSHALL FLUSHDB SELECT MULTI EXEC EVAL EVALSHA SCRIPT CONFIG WAIT SORT".split()
)


def check_bans(name: str, read: Read) -> list[str]:
    """Nothing that fakeredis lacks or does differently, that looks at the whole keyspace, or that is not the same twice."""
    wrong = []
    words = tokens(read(name))
    for at, word in enumerate(words):
        before = words[at - 1].text if at else ""
        if word.kind == "name" and word.text in BANNED_NAMES and before not in {".", ":"}:
            wrong.append(f"{name}.lua:{word.line}: {word.text} is banned")
        if before == "." and word.text in BANNED_MEMBERS.get(words[at - 2].text, ()):
            wrong.append(f"{name}.lua:{word.line}: {words[at - 2].text}.{word.text} is banned")
        if word.text == "unpack" and [w.text for w in words[at + 1 : at + 3]] in (["(", "ARGV"], ["(", "KEYS"]):
            wrong.append(f"{name}.lua:{word.line}: unpack of all {words[at + 2].text}; it fails at 8,000 values")
    wrong += [
        f"{name}.lua:{command.line}: the command {command.name} is banned"
        for command in commands(words)
        if command.name in BANNED_COMMANDS
    ]
    return wrong


@dataclass(frozen=True)
class Command:
    """A ``redis.call``: its command and the words of each argument that follows."""

    name: str
    line: int
    arguments: list[list[Token]]


def commands(words: list[Token]) -> Iterator[Command]:
    """Every redis.call and redis.pcall."""
    for at in range(len(words) - 3):
        if [w.text for w in words[at : at + 2]] == ["redis", "."] and words[at + 2].text in {"call", "pcall"}:
            first, *rest = _arguments(words, at + 3)
            name = first[0].text.strip("'\"").upper() if len(first) == 1 and first[0].kind == "string" else "?"
            yield Command(name, words[at].line, rest)


def _arguments(words: list[Token], at: int) -> list[list[Token]]:
    depth, arguments = 0, [[]]  # type: tuple[int, list[list[Token]]]
    for word in words[at:]:
        depth += (word.text in {"(", "{", "["} and word.kind == "symbol") - (
            word.text in {")", "}", "]"} and word.kind == "symbol"
        )
        if depth == 0:
            break
        if depth == 1 and word.text == ",":
            arguments.append([])
        elif not (depth == 1 and word.text == "(" and arguments == [[]]):
            arguments[-1].append(word)
    return arguments


_WITHOUT_KEYS = frozenset(("TIME", "PUBSUB", "PUBLISH", "?"))


def check_keys(name: str, read: Read) -> list[str]:
    """It builds no key: none that a command is given is a concatenation, but for what UNDECLARED names."""
    undeclared = set() if is_lib(name) else _undeclared(Header.parse(name, read(name)))
    words = tokens(read(name) if is_lib(name) else Script(name, read).text)
    built = {
        words[at].text
        for at in range(1, len(words) - 1)
        if words[at].kind == "name" and words[at + 1].text == "=" and _is_built(_statement(words, at + 2))
    }
    wrong = []
    for command in commands(words):
        if command.name in _WITHOUT_KEYS or not command.arguments:
            continue
        key = command.arguments[0]
        text = "".join(word.text for word in key)
        allowed = any(text.startswith(f"{prefix}..") for prefix in undeclared) or (
            is_lib(name) and text.startswith("wake..")
        )
        if (_is_built(key) or text in built) and not allowed:
            wrong.append(f"{name}.lua:{command.line}: {command.name} is given a key that was built here: {text}")
    return wrong


def _undeclared(header: Header) -> set[str]:
    if header.undeclared is None:
        return set()
    return {header.undeclared, *(f"ARGV[{slot.number}]" for slot in header.argv if slot.name == header.undeclared)}


def _is_built(expression: Sequence[Token]) -> bool:
    depth = 0
    for word in expression:
        depth += (word.text in {"(", "[", "{"}) - (word.text in {")", "]", "}"})
        if word.text == ".." and depth == 0:
            return True
    return False


def _statement(words: list[Token], at: int) -> list[Token]:
    """The rest of an assignment: its line, roughly."""
    return [word for word in words[at:] if word.line == words[at].line] if at < len(words) else []


# The function of the same name.


class Tagged(str):
    """A key that knows which attribute of which keys object made it."""

    __slots__ = ("owner", "tag")
    tag: str
    owner: str

    def __new__(cls, value: str, tag: str, owner: str) -> Tagged:
        self = super().__new__(cls, value)
        self.tag, self.owner = tag, owner
        return self


class KeysProxy:
    """A keys object whose every key is `Tagged`, also where one of its methods makes several."""

    def __init__(self, kind: type[Any], owner: str) -> None:
        assert is_dataclass(kind)
        self._kind, self._owner, self._used = kind, owner, False
        self._real: Any = kind(**{field.name: f"<{owner}.{field.name}>" for field in fields(kind)})

    def __getattr__(self, name: str) -> Any:
        self._used = True
        member = inspect.getattr_static(self._kind, name)
        if isinstance(member, types.FunctionType):
            return lambda *args: self._tag(member(self, *args), name)
        if isinstance(member, property) and member.fget:
            return self._tag(member.fget(self), name)
        value = getattr(self._real, name)
        return value if name in {field.name for field in fields(self._kind)} else self._tag(value, name)

    def _tag(self, value: Any, name: str) -> Any:
        return Tagged(value, name, self._owner) if isinstance(value, str) and not isinstance(value, Tagged) else value


def check_function(
    name: str, function: Callable[..., Call[Any]], header: Header, aliases: Mapping[str, str] | None = None
) -> list[str]:
    """The function puts each of its parameters where the header has the slot of that name, and uses them all.

    Args:
        name: The script's.
        function: Makes its calls.
        header: The script's.
        aliases: Keys that the header calls otherwise than `shiftboss.keys` does: its attribute by the slot's name.
    """
    found = [_check_function(name, function, header, truth, aliases or {}) for truth in (True, False)]
    return list(dict.fromkeys(found[0] + found[1]))


def _check_function(
    name: str, function: Callable[..., Call[Any]], header: Header, truth: bool, aliases: Mapping[str, str]
) -> list[str]:
    hints = typing.get_type_hints(function)
    given = {
        p: _sentinel(hints[p], p, 7000 + 10 * n, truth) for n, p in enumerate(inspect.signature(function).parameters)
    }
    call = function(**given)
    where = f"{name}.lua: {function.__module__}.{function.__name__}"
    if not isinstance(call.operation, Script) or call.operation.name != name:
        return [f"{where} calls {call.name}"]
    wrong = [
        *_check_counts(where, "KEYS", header.keys, call.keys),
        *_check_counts(where, "ARGV", header.argv, call.args),
    ]
    wrong += [
        f"{where} puts {_shown(key)} into KEYS {slot.number} {slot.name}"
        for slot in header.keys
        for key in call.keys[slot.number - 1 :][: None if slot.rest else 1]
        if not _is_key(slot, key, given, aliases)
    ]
    for slot in header.argv:
        values = call.args[slot.number - 1 :][: None if slot.rest else 1]
        if not _is_argument(slot, values, given):
            wrong.append(f"{where} puts {', '.join(map(repr, values))} into ARGV {slot.number} {slot.name}")
    for parameter, value in given.items():
        if not _is_used(value, call):
            wrong.append(f"{where} does not use its parameter {parameter}")
    return wrong


def _check_counts(where: str, table: str, slots: tuple[Slot, ...], values: Sequence[Any]) -> list[str]:
    fixed = sum(not slot.rest for slot in slots)
    rest = len(slots) > fixed
    if len(values) == fixed or (rest and len(values) >= fixed):
        return []
    return [f"{where} gives {len(values)} {table}; the header names {fixed}{' or more' if rest else ''}"]


def _is_key(slot: Slot, key: Any, given: dict[str, Any], aliases: Mapping[str, str]) -> bool:
    if slot.name == "rest":
        return isinstance(key, Tagged)
    if isinstance(key, Tagged):
        return key.tag == aliases.get(slot.name) or slot.name in {
            key.tag,
            f"{key.owner.removesuffix('_keys')}_{key.tag}",
        }
    return slot.name in given and key == given[slot.name]


def _is_argument(slot: Slot, values: Sequence[Any], given: dict[str, Any]) -> bool:
    if slot.rest:
        wanted = given.get(slot.name)
        return slot.name == "rest" or (isinstance(wanted, list) and _in_order(wanted, values))
    if not values:
        return False  # counted already
    value = values[0]
    if slot.name in given:
        return _is_same(given[slot.name], value)
    # nfields: how many `fields` there are, or how many of something that the function has counted
    counted = given.get(slot.name.removeprefix("n"))
    return slot.name.startswith("n") and (
        value == len(counted) if isinstance(counted, list) else isinstance(value, int)
    )


def _in_order(elements: list[Any], values: Sequence[Any]) -> bool:
    """Whether something of each element is among the values, in the elements' order."""
    places = []
    for element in elements:
        found = [values.index(leaf) for leaf in _leaves(element) if leaf in values]
        if not found:
            return False
        places.append(min(found))
    return places == sorted(places)


def _is_used(value: Any, call: Call[Any]) -> bool:
    if isinstance(value, KeysProxy):
        return value._used
    if isinstance(value, list) and value:
        return all(any(_is_used(leaf, call) for leaf in _leaves(element)) for element in value)
    if any(_is_same(value, arg) for arg in call.args):
        return True
    text = f"{value:%y%m%d}" if isinstance(value, datetime) else value
    return isinstance(text, str) and any(text in key for key in call.keys)


def _is_same(given: Any, sent: Any) -> bool:
    """Whether an argument is what was given; truth may be sent as a number or, where JSON has it, as a word."""
    return bool(sent == given) or (isinstance(given, bool) and sent == str(given).lower())


def _leaves(element: Any) -> list[Any]:
    return [leaf for part in element for leaf in _leaves(part)] if isinstance(element, tuple) else [element]


def _sentinel(kind: Any, name: str, number: int, truth: bool) -> Any:
    """A value of a type that no other parameter has."""
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if kind is bool:
        return truth
    if kind is int:
        return number
    if kind is float:
        return number + 0.5
    if kind is bytes:
        return f"<{name}>".encode()
    if kind is str or origin in {typing.Union, types.UnionType}:
        return f"<{name}>"
    if origin is tuple:
        return tuple(_sentinel(arg, f"{name}.{n}", number + n, truth) for n, arg in enumerate(args) if arg is not ...)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return [_sentinel(args[0], f"{name}{n}", number + 3 * n, truth) for n in (1, 2)]
    if kind is datetime:
        return datetime(2026, 11, 25, tzinfo=UTC)
    if is_dataclass(kind):
        return KeysProxy(typing.cast("type[Any]", kind), name)
    raise TypeError(f"parameter {name}: no sentinel for {kind}")


def _shown(key: Any) -> str:
    return f"{key.owner}.{key.tag}" if isinstance(key, Tagged) else repr(key)
