"""`shiftboss periodic history`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, Failure, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.numbers import Whole
from shiftboss.cli.output import print_json, print_rows
from shiftboss.cli.periodic.options import schedule_option
from shiftboss.text import local

if TYPE_CHECKING:
    from shiftboss.periodic import Run

HEADINGS = ("PLANNED", "LATE", "OUTCOME", "TERM", "JOB", "ENDED", "TOOK")
SHRINK = {"JOB": 9, "TERM": 0}


@click.command("history", cls=Command)
@click.argument("name", metavar="ENTRY")
@click.option("-n", "--number", type=Whole(1, 100), default=20, show_default=True, help="How many at most.")
@schedule_option
@json_option
def history(*, name: str, number: int, schedule: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Show the newest runs of an entry."""
    from shiftboss import periodic

    with connected(url, namespace) as client:
        runs = periodic.history(name, schedule, limit=number, client=client)
        # What is no longer in the schedule may still have run.
        if not runs and all(status.entry.name != name for status in periodic.entries(schedule, client=client)):
            raise Failure(f"no entry {name!r} in schedule {schedule!r}; see shiftboss periodic ls")
    if as_json:
        for run in runs:
            print_json(run.to_dict())
    elif runs:
        print_rows(HEADINGS, [_row(run) for run in runs], right=("LATE", "TERM", "TOOK"), shrink=SHRINK)
    else:
        click.echo(f"entry {name!r} of schedule {schedule!r} has not run yet", err=True)


def _row(run: Run) -> list[str]:
    return [
        local(run.planned or run.at),
        f"{run.lateness:.3f} s" if run.planned else "",
        run.outcome + (f" ({run.missed:,} ticks)" if run.missed > 1 else ""),
        str(run.term) if run.term else "",
        run.jid,
        run.ended,
        "" if run.took is None else f"{run.took:.1f} s",
    ]
