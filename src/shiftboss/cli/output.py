"""Printing: tables and colours for people at a terminal, plain columns and JSON for everything else."""

from __future__ import annotations

import json
import sys
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


def print_json(value: Mapping[str, Any]) -> None:
    """One value on one line, at once."""
    click.echo(json.dumps(value, ensure_ascii=True))
    sys.stdout.flush()


def console() -> Console:
    """Where people look. Without colours for NO_COLOR, and where nobody looks."""
    from rich.console import Console

    return Console(highlight=False, markup=False, emoji=False)


def print_rows(headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[str] = ()) -> None:
    """Rows below headings. Columns without a single value are left out. At a terminal the last column is cut to fit.

    Args:
        headings: One for each column; one called STATE has colours.
        rows: Printable texts.
        right: The headings of columns that hold numbers.
    """
    kept = [i for i in range(len(headings)) if any(row[i] for row in rows)]
    headings = [headings[i] for i in kept]
    rows = [[row[i] for i in kept] for row in rows]
    if sys.stdout.isatty():
        _print_table(headings, rows, right)
        return
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    for row in (headings, *rows):
        cells = [
            cell.rjust(width) if heading in right else cell.ljust(width)
            for heading, cell, width in zip(headings, row, widths, strict=True)
        ]
        click.echo("  ".join(cells).rstrip())


def _print_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[str]) -> None:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    for heading in headings:
        last = heading == headings[-1]
        table.add_column(
            heading,
            justify="right" if heading in right else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=None if last else max(len(heading), *(len(row[headings.index(heading)]) for row in rows)),
        )
    for row in rows:
        table.add_row(
            *(
                Text(cell, style=STYLES.get(cell, "") if heading == "STATE" else "")
                for heading, cell in zip(headings, row, strict=True)
            )
        )
    console().print(table)
