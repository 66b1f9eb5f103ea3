"""Reading a schedule from a YAML file, with every mistake that is in it."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from shiftboss.config import check_known
from shiftboss.errors import ConfigError, Mistake, ScheduleError

from .checking import DEFAULTS, check_schedule_name, make_entry, read_value
from .cron import zone_of
from .entry import Entry
from .schedule import Schedule

LARGEST = 1_000_000
# As many as a file of that size can hold: more come from aliases only.
MOST_NODES = LARGEST // 2
DEEPEST = 20
LONGEST_NUMBER = 100
_TOO_DEEP = f"expected lists and mappings of at most {DEEPEST} levels, got more"
TOP = ("schedule", "timezone", "defaults", "jobs")
_YAML = "tag:yaml.org,2002:"
_TAGS = frozenset(f"{_YAML}{kind}" for kind in "str int float bool null map seq timestamp merge".split())
_NUMBERS = {_YAML + "int", _YAML + "float"}

# Nodes of keys and of their values, by name.
Said = Mapping[str, tuple[yaml.Node, yaml.Node]]
# Notes down what is wrong with a node.
Tell = Callable[[yaml.Node, str], None]


def load(path: str | Path) -> Schedule:
    """Read a schedule file.

    Raises:
        ScheduleError: All that is wrong, a line for each, with file, line and entry; `mistakes` has them one by one. Nothing was
            applied.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            before = os.fstat(file.fileno())
            raw = file.read(LARGEST + 1)
            after = os.fstat(file.fileno())
    except OSError as error:
        raise _refusal(path, f"cannot be read: {error.strerror}") from None
    if len(raw) > LARGEST:
        size = f"{before.st_size:,}" if before.st_size > LARGEST else "more"
        raise _refusal(path, f"expected a file of at most {LARGEST:,} bytes, got {size}")
    if stat.S_ISREG(before.st_mode) and (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
        raise _refusal(path, "changed while it was read; try again once it is written")
    try:
        return read(raw.decode(), str(path))
    except UnicodeDecodeError as error:
        raise _refusal(path, f"not UTF-8: {error}") from None


def read(text: str, path: str = "schedule") -> Schedule:
    """Read a schedule from YAML text; see `load`."""
    return _Reader(path).read(text)


def _refusal(path: str | Path, message: str, line: int | None = None) -> ScheduleError:
    return ScheduleError.of(Mistake(message, str(path), line))


class _Reader:
    """One reading of one file: collects what is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._wrong: list[Mistake] = []
        self._places: dict[str, tuple[str, int]] = {}
        self._loader = yaml.SafeLoader("")

    def read(self, text: str) -> Schedule:
        try:
            top = yaml.compose(text, yaml.SafeLoader)
        except yaml.YAMLError as error:
            raise self._not_yaml(error) from None
        except RecursionError:
            raise _refusal(self._path, _TOO_DEEP, 1) from None
        except ValueError as error:
            raise _refusal(self._path, f"not YAML that can be read: {error}", 1) from None
        if top is None:
            raise _refusal(self._path, "expected jobs:, got an empty file", 1)
        self._look_through(top)
        self._stop()
        said = self._mapping(top, "the file", self._add, TOP)
        name = self._named(said)
        timezone = self._zone(said)
        defaults = self._defaults(said)
        entries = self._entries(said, timezone, defaults)
        self._stop()
        return Schedule(name, tuple(entries), self._places)

    def _not_yaml(self, error: yaml.YAMLError) -> ScheduleError:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or " ".join(str(error).split())
        is_unquoted = getattr(error, "context", None) == "while scanning an alias" or "character '@'" in problem
        hint = "; a value that begins with * or @ needs quotes" if is_unquoted else ""
        return _refusal(self._path, f"not YAML: {problem}{hint}", mark.line + 1 if mark else 1)

    def _add(self, node: yaml.Node, text: str, entry: str | None = None) -> None:
        self._wrong.append(Mistake(text, self._path, node.start_mark.line + 1, entry))

    def _stop(self) -> None:
        if self._wrong:
            raise ScheduleError.of(*sorted(set(self._wrong), key=lambda mistake: (mistake.line, str(mistake))))

    def _look_through(self, top: yaml.Node) -> None:
        """Nothing but plain values, not too deep, and not more of them than a file can hold: aliases may stand for any number.
        What YAML takes for minutes and seconds, such as 1:30, is left as it is written.
        """
        waiting, seen = [(top, 0)], 0
        while waiting:
            node, depth = waiting.pop()
            seen += 1
            if seen > MOST_NODES:
                self._add(node, f"its aliases stand for more than {MOST_NODES:,} values")
                return
            if depth > DEEPEST:
                self._add(node, _TOO_DEEP)
                return
            if node.tag not in _TAGS:
                self._add(node, f"expected plain values, got the tag {node.tag.replace(_YAML, '!!')}")
            if isinstance(node, yaml.MappingNode):
                waiting += [(part, depth + 1) for pair in node.value for part in pair]
            elif isinstance(node, yaml.SequenceNode):
                waiting += [(part, depth + 1) for part in node.value]
            elif node.tag in _NUMBERS and len(node.value) > LONGEST_NUMBER:
                self._add(node, f"expected a number of at most {LONGEST_NUMBER} characters, got {len(node.value):,}")
            elif node.tag in _NUMBERS and ":" in node.value:
                node.tag = _YAML + "str"

    def _mapping(self, node: yaml.Node, what: str, tell: Tell, known: Iterable[str] | None = None) -> Said:
        if not isinstance(node, yaml.MappingNode):
            tell(node, f"expected {what} to be a mapping, got {self._value(node)!r:.60}")
            return {}
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _YAML + "merge":
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            key = self._value(key_node)
            if not isinstance(key, str):
                tell(key_node, f"expected a name, got {key!r:.100}; put it in quotes")
            elif key in found:
                tell(key_node, f"{key!r:.140} stands there twice, first in line {found[key][0].start_mark.line + 1}")
            elif known is None or _is_known(key_node, key, known, tell):
                found[key] = key_node, value_node
        for one in merged:
            found = {**self._mapping(one, "<<", tell, known), **found}
        return found

    def _value(self, node: yaml.Node) -> Any:
        try:
            return self._loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError, TypeError) as error:
            self._add(node, f"cannot be read: {getattr(error, 'problem', None) or error}")
            return None

    def _named(self, said: Said) -> str:
        if "schedule" not in said:
            return "default"
        node = said["schedule"][1]
        name = self._value(node)
        try:
            return check_schedule_name(name)
        except ScheduleError as error:
            self._add(node, str(error))
            return ""

    def _zone(self, said: Said) -> str:
        if "timezone" not in said:
            return "UTC"
        node = said["timezone"][1]
        try:
            return zone_of(self._value(node)).key
        except ScheduleError as error:
            self._add(node, str(error))
            return "UTC"

    def _defaults(self, said: Said) -> dict[str, Any]:
        if "defaults" not in said:
            return {}

        def tell(node: yaml.Node, text: str) -> None:
            self._add(node, f"defaults: {text}")

        found = self._mapping(said["defaults"][1], "defaults", tell, DEFAULTS)
        values = {key: self._value(node) for key, (_, node) in found.items()}
        right = {}
        for key, value in values.items():
            try:
                read_value(key, value)
                right[key] = value
            except ScheduleError as error:
                tell(found[key][0], str(error))
        return right

    def _entries(self, said: Said, timezone: str, defaults: Mapping[str, Any]) -> Sequence[Entry]:
        if "jobs" not in said:
            self._wrong.append(Mistake("expected jobs: a mapping of names to entries", self._path, 1))
            return []
        entries = []
        for name, (name_node, node) in self._mapping(said["jobs"][1], "jobs", self._add).items():
            fields = self._mapping(node, "the entry", partial(self._add, entry=name))
            values = {**defaults, **{key: self._value(value) for key, (_, value) in fields.items()}}
            if not isinstance(node, yaml.MappingNode):
                continue
            try:
                entries.append(make_entry(name, values, timezone=timezone, source="file"))
                job_node = fields["job"][0] if "job" in fields else name_node
                self._places[name] = self._path, job_node.start_mark.line + 1
            except ScheduleError as error:
                for line in str(error).splitlines():
                    self._add(_culprit(line, fields, name_node), line, name)
        return entries


def _is_known(node: yaml.Node, key: str, known: Iterable[str], tell: Tell) -> bool:
    try:
        check_known("key", [key], known)
    except ConfigError as error:
        tell(node, str(error))
        return False
    return True


def _culprit(line: str, fields: Said, entry: yaml.Node) -> yaml.Node:
    """The node that a message is about: that of the key that it names."""
    for key, (node, _) in fields.items():
        if f"expected {key} " in line or line.startswith(f"{key} ") or f"key {key!r}" in line:
            return node
    return entry
