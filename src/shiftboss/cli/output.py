"""Printing: tables and colours for people at a terminal, plain columns and JSON for everything else."""

from __future__ import annotations

import json
import sys
import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console

STYLES = {
    "succeeded": "green",
    "dead": "red",
    "broken": "red",
    "complete": "blue",
    "open": "yellow",
    "running": "cyan",
    "done": "green",
    "died": "red",
    "due": "yellow",
}

# What the last column of a table, which people come for, is to have of a narrow terminal.
LEAST_OF_THE_LAST = 30
_NONE: Mapping[str, int] = {}


def print_json(value: Mapping[str, Any]) -> None:
    """One value on one line, at once."""
    click.echo(json.dumps(value, ensure_ascii=True))
    sys.stdout.flush()


def print_done(text: str, facts: Mapping[str, Any], *, as_json: bool) -> None:
    """What a command has changed: a sentence for people, or the same as facts for programs."""
    if as_json:
        print_json(facts)
    else:
        click.echo(text)


def console() -> Console:
    """Where people look. Without colours for NO_COLOR, and where nobody looks."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def print_rows(
    headings: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    right: Sequence[str] = (),
    shrink: Mapping[str, int] = _NONE,
    wrap: bool = False,
) -> None:
    """Rows below headings. Columns without a single value are left out. At a terminal lines are cut to fit.

    Args:
        headings: One for each column; one called STATE has colours.
        rows: Printable texts.
        right: The headings of columns that hold numbers.
        shrink: Columns that give way to the last one where a terminal is narrow, the first of them first, each with the width
            that it keeps; with 0 it goes away.
        wrap: Whether the last column goes on in the next line instead of being cut.
    """
    kept = [i for i in range(len(headings)) if any(row[i] for row in rows)]
    names = [headings[i] for i in kept]
    table = [names, *([row[i] for i in kept] for row in rows)]
    if shrink and sys.stdout.isatty():
        table = _shrunk(table, shrink)
        names = table[0]
    if wrap and sys.stdout.isatty():
        table = _wrapped(table)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    lines = [
        [
            cell.rjust(width) if name in right else cell.ljust(width)
            for name, cell, width in zip(names, row, widths, strict=True)
        ]
        for row in table
    ]
    if sys.stdout.isatty():
        _print_styled(names, lines)
    else:
        for line in lines:
            click.echo("  ".join(line).rstrip())


def _shrunk(table: Sequence[list[str]], shrink: Mapping[str, int]) -> list[list[str]]:
    """The rows with some columns cut, so far as the last one, or most of it, then has room."""
    headings = table[0]
    widths = {name: max(map(len, column)) for name, *column in zip(headings, *table, strict=True)}
    over = sum(widths.values()) + 2 * (len(widths) - 1) - console().width
    over -= max(0, widths[headings[-1]] - LEAST_OF_THE_LAST)
    for name, least in shrink.items():
        if over > 0 and name in headings[:-1]:
            before = widths[name]
            widths[name] = min(before, max(least, before - over)) if least else 0
            over -= before - widths[name] + (0 if widths[name] else 2)
    kept = [i for i, name in enumerate(headings) if widths[name]]
    return [[_cut(row[i], widths[headings[i]]) for i in kept] for row in table]


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _wrapped(table: Sequence[list[str]]) -> list[list[str]]:
    """The rows with as much in the last column as a line has room for, and the rest in rows below."""
    before = sum(max(map(len, column)) + 2 for column in list(zip(*table, strict=True))[:-1])
    room = max(20, console().width - before)
    return [
        [*([""] * len(first) if number else first), part]
        for *first, last in table
        for number, part in enumerate(textwrap.wrap(last, room) or [""])
    ]


def _print_styled(names: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    from rich.text import Text

    out = console()
    for number, line in enumerate(lines):
        text = Text(no_wrap=True, overflow="ellipsis", style="bold" if number == 0 else "")
        for name, cell in zip(names, line, strict=True):
            text.append(cell, STYLES.get(cell.strip(), "") if name == "STATE" else "").append("  ")
        text.rstrip()
        out.print(text, no_wrap=True, overflow="ellipsis")
