"""`shiftboss limiters watch`."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.limiters.looking import HEADINGS, RIGHT, as_row, look, to_dict
from shiftboss.cli.numbers import Whole
from shiftboss.cli.output import console, print_json

if TYPE_CHECKING:
    from rich.table import Table

INTERVAL = 0.5


@click.command("watch", cls=Command)
@click.argument("text", metavar="[TEXT]", default="")
@click.option("--times", type=Whole(1), metavar="N", help="Look so often, then end. [default: until Ctrl-C]")
@json_option
def watch(*, text: str, times: int | None, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Follow the limiters with this text in their name, or all. Elsewhere than at a terminal: a line for each change."""
    with connected(url, namespace) as client:
        looks = 0
        if sys.stdout.isatty() and not as_json:
            from rich.live import Live

            with Live(console=console(), auto_refresh=False) as live:
                while times is None or looks < times:
                    live.update(_table([as_row(*one) for one in look(client, text, 50)]), refresh=True)
                    looks += 1
                    time.sleep(INTERVAL)
            return
        seen: dict[str, list[str]] = {}
        while times is None or looks < times:
            for limiter, state in look(client, text, 0):
                row = as_row(limiter, state)
                # That time passes is no news.
                if seen.get(limiter.name) != (facts := [*row[:5], row[6]]):
                    seen[limiter.name] = facts
                    if as_json:
                        print_json(to_dict(limiter, state))
                    else:
                        click.echo(f"{limiter.name}  {state.used:,}/{limiter.size:,}" + _waiting(state.waiting))
            looks += 1
            if looks != times:
                time.sleep(INTERVAL)


def _waiting(count: int) -> str:
    return f"  {count:,} waiting" if count else ""


def _table(rows: list[list[str]]) -> Table:
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in HEADINGS:
        table.add_column(heading, justify="right" if heading in RIGHT else "left")
    for row in rows:
        table.add_row(*row)
    return table
