"""The reference pages say what the code says. A page that has fallen behind fails with the lines that it should have."""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Iterator
from typing import Any

import click
import pytest
from prometheus_client import CollectorRegistry

import shiftboss
from shiftboss import Shiftboss, batches, errors, events, limiters, metrics, periodic
from shiftboss.batches import Batch, BatchSet, Status
from shiftboss.catalogue import CATALOGUE
from shiftboss.cli.root import cli
from shiftboss.config import Settings
from shiftboss.engines.sidekiq import FunctionJob, JobOptions
from shiftboss.limiters import ConcurrentLimiter, Grant, Limiter, Limits, PointsGrant
from tests.docs.pages import ROOT, names, read, rows, section

COMMON = {"--redis", "--namespace", "--debug"}


def commands(group: click.Group, path: str = "shiftboss") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            yield from commands(command, f"{path} {name}")
        elif command is not None and not command.hidden:
            yield f"{path} {name}", command


def cell(option: click.Option) -> str:
    *short, last = sorted(option.opts, key=len)
    wanted = option.metavar or ("|".join(option.type.choices) if isinstance(option.type, click.Choice) else "N")
    return ", ".join([*(f"`{name}`" for name in short), f"`{last}`" if option.is_flag else f"`{last} {wanted}`"])


def meaning(option: click.Option) -> str:
    default = option.default
    shown = f" [default: {default:g}]" if isinstance(default, (int, float)) else f" [default: {default}]"
    return (option.help or "") + (shown if option.show_default else "")


def documented(options: list[click.Option]) -> list[list[str]]:
    return [[cell(option), meaning(option)] for option in options]


def as_table(lines: list[list[str]]) -> str:
    return "\n".join(f"| {' | '.join(text.replace('|', chr(92) + '|') for text in line)} |" for line in lines)


def options(command: click.Command) -> list[click.Option]:
    return [param for param in command.params if isinstance(param, click.Option)]


@pytest.mark.parametrize(
    ("path", "command"), list(commands(cli)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_command_line(path: str, command: click.Command) -> None:
    page = "reference/command-line.md"
    own = documented([option for option in options(command) if not COMMON & set(option.opts)])
    common = documented([option for option in options(command) if COMMON & set(option.opts)])
    assert rows(section(page, f"## {path}")) == own, as_table(own)
    assert [row for row in rows(read(page)) if row in common] == common, as_table(common)


@pytest.mark.parametrize(
    ("path", "command"), list(commands(cli)), ids=lambda value: value if isinstance(value, str) else ""
)
def test_the_usage_of_a_command(path: str, command: click.Command) -> None:
    usage = " ".join([path, *command.collect_usage_pieces(click.Context(command, info_name=path))])
    below = section("reference/command-line.md", f"## {path}").strip().splitlines()
    assert below[0] == f"`{usage}`"
    assert len(below) > 2, f"{path}: what does it do?"


def test_the_json_of_every_command() -> None:
    taking = [path for path, command in commands(cli) if any("--json" in option.opts for option in options(command))]
    said = names(section("reference/command-line.md", "## JSON"))
    assert sorted(said) == sorted([*(path.removeprefix("shiftboss ") for path in taking), "stats reset"])


def test_the_json_of_limiters() -> None:
    made = [
        limiters.concurrent("x", 1),
        limiters.bucket("x", 1, "hour"),
        limiters.window("x", 1, "hour"),
        limiters.leaky("x", 1, "hour"),
        limiters.points("x", 1, refill_per_second=1),
    ]
    common = {field.name for field in dataclasses.fields(Limiter)}
    said = {
        name: text
        for head, text in rows(section("reference/command-line.md", "## JSON of limiters"))
        for name in re.findall(r"`(\w+)`", head)
    }
    for one in made:
        assert set(one.definition()) - common == set(re.findall(r"`(\w+)`", said[one.kind]))
    for name, kind in (("holders", limiters.Holder), ("counters", limiters.Totals)):
        wanted = {field.name for field in dataclasses.fields(kind)}
        assert wanted == set(re.findall(r"`(\w+)`", said[name])) - {"concurrent"}
    history = {field.name for field in dataclasses.fields(limiters.Minute)}
    assert history ^ {field.name for field in dataclasses.fields(limiters.Totals)} == {"at", "reclaimed"}
    assert "`at` and all of `counters` but `reclaimed`" in said["history"]


def test_every_key() -> None:
    lines = [
        [f"`{row.pattern}`", row.type, row.meaning, "for ever" if row.permanent else "until its TTL ends", row.writer]
        for row in CATALOGUE
    ]
    assert rows(section("reference/keys.md", "## All keys")) == lines, as_table(lines)


def test_every_setting() -> None:
    lines = [
        [f"`{field.name}`", f"`SHIFTBOSS_{field.name.upper()}`", f"`{field.default}`"]
        for field in dataclasses.fields(Settings)
    ]
    assert [row[:3] for row in rows(read("reference/settings.md")) if len(row) == 4] == lines, as_table(lines)


def test_every_job_option() -> None:
    def written(default: Any) -> str:
        if default in ((), dataclasses.MISSING):
            return "none"
        return "`module.QualName`" if default == "" else f"`{default!r}`".replace("'", '"')

    lines = [[f"`{field.name}`", written(field.default)] for field in dataclasses.fields(JobOptions)]
    assert [row[:2] for row in rows(section("reference/jobs.md", "## Options"))] == lines, as_table(lines)


def test_every_error() -> None:
    found = [
        kind
        for _, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, Exception) and kind.__module__ == errors.__name__
    ]
    found.sort(key=lambda kind: inspect.getsourcelines(kind)[1])
    found.insert(found.index(errors.WaitTimeout), shiftboss.NotPublished)
    lines = [[f"`{kind.__name__}`", ", ".join(f"`{base.__name__}`" for base in kind.__bases__)] for kind in found]
    assert [row[:2] for row in rows(read("reference/errors.md"))] == lines, as_table(lines)


def public(kind: type) -> list[str]:
    """Methods and properties that a class defines itself."""
    return [name for name, value in vars(kind).items() if not name.startswith("_") and not _is_field(kind, name, value)]


def _is_field(kind: type, name: str, value: object) -> bool:
    return dataclasses.is_dataclass(kind) and name in {field.name for field in dataclasses.fields(kind)}


def test_every_field_of_a_status() -> None:
    wanted = {field.name for field in dataclasses.fields(Status)} | set(public(Status))
    assert wanted - {name.partition("(")[0] for name in names(section("reference/batches.md", "## Status"))} == set()


@pytest.mark.parametrize(
    ("page", "kind", "internal"),
    [
        (
            "batches",
            Batch,
            {"born_in", "parent", "hold", "keys", "known", "record", "is_known", "mark_flushed", "open_scope"},
        ),
        ("batches", BatchSet, set()),
        ("jobs", FunctionJob, set()),
        ("limiters", Limits, {"take"}),
        (
            "limiters",
            Limiter,
            {"size", "mark", "definition", "take", "check_cost", "ask", "look", "forget", "counted", "forget_counts"},
        ),
        (
            "limiters",
            ConcurrentLimiter,
            {"kind", "size", "ttl_ms", "keys", "check_cost", "ask", "look", "forget", "counted"},
        ),
        ("limiters", Grant, {"ticket", "give_back", "keep", "lease", "renewal", "renewed"}),
        ("limiters", PointsGrant, set()),
    ],
)
def test_every_method(page: str, kind: type, internal: set[str]) -> None:
    text = read(f"reference/{page}.md")
    assert [
        name for name in public(kind) if name not in internal and f"`{name}" not in text and f".{name}" not in text
    ] == []


def test_every_parameter_of_a_batch() -> None:
    wanted = set(inspect.signature(Batch).parameters)
    assert wanted - set(names(section("reference/batches.md", "## Batch"))) == set()


def test_every_event() -> None:
    assert names(section("reference/batches.md", "## Events")) == list(batches.EVENTS)


def test_every_public_name() -> None:
    text = "".join(
        read(f"reference/{page}.md")
        for page in ("batches", "jobs", "limiters", "periodic", "sets", "settings", "errors")
    )
    assert [
        name
        for name in {*shiftboss.__all__, *batches.__all__, *limiters.__all__, *periodic.__all__}
        if f"`{name}" not in text
    ] == []


def test_every_file_that_is_named() -> None:
    named = {
        (str(page.relative_to(ROOT)), name)
        for page in (ROOT / "docs").rglob("*.md")
        for name in re.findall(r"`((?:lua|src|tests)/[\w/]+\.\w+)`", page.read_text("utf-8"))
    }
    assert named
    assert [(page, name) for page, name in sorted(named) if not (ROOT / name).exists()] == []


def test_the_page_of_events_has_every_event() -> None:
    wanted = [[f"`{name}`", *meaning.split(": ")] for name, meaning in events.CATALOGUE.items()]
    assert rows(section("reference/events.md", "## All events")) == wanted, as_table(wanted)


def metrics_table() -> str:
    """Every metric, those of processes first."""
    registry = CollectorRegistry()
    end = metrics.observe(registry)
    metrics.watch_state(Shiftboss("fake://metrics-reference"), registry)
    found = [
        [f"`{family.name}{'_total' * (family.type == 'counter')}`", family.type, family.documentation]
        for family in registry.collect()
    ]
    end()
    return "| metric | type | meaning |\n|---|---|---|\n" + as_table(found)


def test_the_page_of_metrics_has_every_metric() -> None:
    assert metrics_table() in read("reference/metrics.md"), metrics_table()
