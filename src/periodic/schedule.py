"""`Schedule`: entries under a name; and reading one from a YAML file, with every error that is in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import yaml

from shiftboss.config import check_known
from shiftboss.engine import Engine, KnowingEngine
from shiftboss.errors import ConfigError, ScheduleError

from .checking import DEFAULTS, check_schedule_name, make_entry, read_value
from .cron import zone_of
from .deploying import merged
from .entry import Entry
from .registration import registered
from .registration import schedules as registered_schedules

_RUBY = re.compile(r"[A-Z]\w*(::[A-Z]\w*)*")
LARGEST = 1_000_000
MOST_NODES = 200_000
DEEPEST = 20
_TOO_DEEP = f"expected lists and mappings of at most {DEEPEST} levels, got more"
TOP = ("schedule", "timezone", "defaults", "jobs")
_YAML = "tag:yaml.org,2002:"
_TAGS = frozenset(f"{_YAML}{kind}" for kind in "str int float bool null map seq timestamp merge".split())


@dataclass(frozen=True)
class Schedule:
    """Entries that are deployed together.

    Args:
        name: What it is known by; two apps on one Redis use two.
        entries: Each with a name of its own.
        places: File and line of those that are in a file, by name.
    """

    name: str
    entries: tuple[Entry, ...]
    places: Mapping[str, str] = field(default_factory=dict, compare=False)


def load(path: str | Path) -> Schedule:
    """Read a schedule file.

    Raises:
        ScheduleError: All that is wrong, a line for each, with file, line and entry. Nothing was applied.
    """
    path = Path(path)
    try:
        raw = path.read_bytes()
        text = raw.decode()
    except OSError as error:
        raise ScheduleError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise ScheduleError(f"{path}: not UTF-8: {error}") from None
    if len(raw) > LARGEST:
        raise ScheduleError(f"{path}: expected a file of at most {LARGEST:,} bytes, got {len(raw):,}")
    return read(text, str(path))


def complete(schedule: Schedule) -> Schedule:
    """The schedule with what code has registered under its name; what the file says comes before that."""
    return replace(schedule, entries=merged(schedule.entries, registered(schedule.name)))


def with_registered(schedules: Sequence[Schedule]) -> list[Schedule]:
    """Schedules of files, each with what code has registered under its name; and those that only code knows.

    Raises:
        ScheduleError: Two are of one name.
    """
    names = [schedule.name for schedule in schedules]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ScheduleError(f"two files are of schedule {twice!r}; give one another name, with schedule: in it")
    coded = [Schedule(name, ()) for name in registered_schedules() if name not in names]
    return [complete(schedule) for schedule in (*schedules, *coded)]


def check_jobs(schedule: Schedule, engine: Engine) -> None:
    """Refuse jobs, by file and line where they have one, that this process knows not to be such that can be enqueued without arguments, or that its modules should
    define and do not. What looks like a Ruby class is Ruby's.

    Raises:
        ScheduleError: A line for each.
    """
    if not isinstance(engine, KnowingEngine):
        return
    wrong = []
    for entry in schedule.entries:
        known = engine.known(entry.job)
        place = schedule.places.get(entry.name)
        where = f"{place}: {entry.name}" if place else entry.name
        if known is None and not _RUBY.fullmatch(entry.job):
            wrong.append(
                f"{where}: no job is called {entry.job!r} here; name the module that defines it with --require"
            )
        elif known is not None and known.problem:
            wrong.append(f"{where}: a periodic job gets no arguments: {known.problem}")
    if wrong:
        raise ScheduleError("\n".join(wrong))


def read(text: str, path: str = "schedule") -> Schedule:
    """Read a schedule from YAML text; see `load`."""
    return _Reader(path).read(text)


class _Reader:
    """One reading of one file: collects what is wrong."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._wrong: list[tuple[int, str]] = []
        self._places: dict[str, str] = {}
        self._loader = yaml.SafeLoader("")

    def read(self, text: str) -> Schedule:
        try:
            top = yaml.compose(text, yaml.SafeLoader)
        except yaml.YAMLError as error:
            mark = getattr(error, "problem_mark", None)
            problem = getattr(error, "problem", None) or " ".join(str(error).split())
            raise ScheduleError(f"{self._path}:{mark.line + 1 if mark else 1}: not YAML: {problem}") from None
        except RecursionError:
            raise ScheduleError(f"{self._path}:1: {_TOO_DEEP}") from None
        except ValueError as error:
            raise ScheduleError(f"{self._path}:1: not YAML that can be read: {error}") from None
        if top is None:
            raise ScheduleError(f"{self._path}:1: expected jobs:, got an empty file")
        self._look_through(top)
        self._stop()
        said = self._mapping(top, "the file", TOP)
        name = self._named(said)
        timezone = self._zone(said)
        defaults = self._defaults(said)
        entries = self._entries(said, timezone, defaults)
        self._stop()
        return Schedule(name, tuple(entries), self._places)

    def _add(self, node: yaml.Node, text: str, entry: str = "") -> None:
        self._wrong.append((node.start_mark.line + 1, f"{entry}: {text}" if entry else text))

    def _stop(self) -> None:
        if self._wrong:
            lines = [f"{self._path}:{line}: {text}" for line, text in sorted(set(self._wrong))]
            raise ScheduleError("\n".join(lines))

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
            elif node.tag in {_YAML + "int", _YAML + "float"} and ":" in node.value:
                node.tag = _YAML + "str"

    def _mapping(
        self, node: yaml.Node, what: str, known: Iterable[str] | None = None, entry: str = ""
    ) -> dict[str, tuple[yaml.Node, yaml.Node]]:
        if not isinstance(node, yaml.MappingNode):
            self._add(node, f"expected {what} to be a mapping, got {self._value(node)!r:.60}", entry)
            return {}
        found: dict[str, tuple[yaml.Node, yaml.Node]] = {}
        merged: list[yaml.Node] = []
        for key_node, value_node in node.value:
            if key_node.tag == _YAML + "merge":
                merged += value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]
                continue
            key = self._value(key_node)
            if not isinstance(key, str):
                self._add(key_node, f"expected a name, got {key!r}; put it in quotes", entry)
            elif key in found:
                self._add(
                    key_node, f"{key!r} stands there twice, first in line {found[key][0].start_mark.line + 1}", entry
                )
            elif known is None or self._is_known(key_node, key, known, entry):
                found[key] = key_node, value_node
        for one in merged:
            found = {**self._mapping(one, "<<", known, entry), **found}
        return found

    def _is_known(self, node: yaml.Node, key: str, known: Iterable[str], entry: str) -> bool:
        try:
            check_known("key", [key], known)
        except ConfigError as error:
            self._add(node, str(error), entry)
            return False
        return True

    def _value(self, node: yaml.Node) -> Any:
        try:
            return self._loader.construct_object(node, deep=True)
        except (yaml.YAMLError, ValueError, TypeError) as error:
            self._add(node, f"cannot be read: {getattr(error, 'problem', None) or error}")
            return None

    def _named(self, said: Mapping[str, tuple[yaml.Node, yaml.Node]]) -> str:
        if "schedule" not in said:
            return "default"
        node = said["schedule"][1]
        name = self._value(node)
        try:
            return check_schedule_name(name)
        except ScheduleError as error:
            self._add(node, str(error))
            return ""

    def _zone(self, said: Mapping[str, tuple[yaml.Node, yaml.Node]]) -> str:
        if "timezone" not in said:
            return "UTC"
        node = said["timezone"][1]
        try:
            return zone_of(self._value(node)).key
        except ScheduleError as error:
            self._add(node, str(error))
            return "UTC"

    def _defaults(self, said: Mapping[str, tuple[yaml.Node, yaml.Node]]) -> dict[str, Any]:
        if "defaults" not in said:
            return {}
        found = self._mapping(said["defaults"][1], "defaults", DEFAULTS, "defaults")
        values = {key: self._value(node) for key, (_, node) in found.items()}
        right = {}
        for key, value in values.items():
            try:
                read_value(key, value)
                right[key] = value
            except ScheduleError as error:
                self._add(found[key][0], str(error), "defaults")
        return right

    def _entries(
        self, said: Mapping[str, tuple[yaml.Node, yaml.Node]], timezone: str, defaults: Mapping[str, Any]
    ) -> Sequence[Entry]:
        if "jobs" not in said:
            self._wrong.append((1, "expected jobs: a mapping of names to entries"))
            return []
        entries = []
        for name, (name_node, node) in self._mapping(said["jobs"][1], "jobs").items():
            fields = self._mapping(node, "the entry", entry=name)
            values = {**defaults, **{key: self._value(value) for key, (_, value) in fields.items()}}
            if not isinstance(node, yaml.MappingNode):
                continue
            try:
                entries.append(make_entry(name, values, timezone=timezone, source="file"))
                job_node = fields["job"][0] if "job" in fields else name_node
                self._places[name] = f"{self._path}:{job_node.start_mark.line + 1}"
            except ScheduleError as error:
                for line in str(error).splitlines():
                    self._add(self._culprit(line, fields, name_node), line, name)
        return entries

    def _culprit(self, line: str, fields: Mapping[str, tuple[yaml.Node, yaml.Node]], entry: yaml.Node) -> yaml.Node:
        """The node that a message is about: that of the key that it names."""
        for key, (node, _) in fields.items():
            if f"expected {key} " in line or line.startswith(f"{key} ") or f"key {key!r}" in line:
                return node
        return entry
