"""`shiftboss periodic ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import print_json, print_rows
from shiftboss.cli.periodic.options import schedule_option
from shiftboss.text import local, one_line

if TYPE_CHECKING:
    from shiftboss.periodic import EntryStatus

HEADINGS = ("ENTRY", "NEXT", "STATE", "WHEN", "ZONE", "SOURCE", "DESCRIPTION", "JOB")
SHRINK = {"SOURCE": 0, "DESCRIPTION": 0, "ZONE": 0, "ENTRY": 16}


@click.command("ls", cls=Command)
@schedule_option
@json_option
def ls(*, schedule: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """List the entries of a schedule with their next ticks."""
    from shiftboss import periodic

    with connected(url, namespace) as client:
        found = periodic.entries(schedule, client=client)
        others = [name for name in periodic.schedules(client=client) if name != schedule]
    if as_json:
        for status in found:
            print_json(status.to_dict())
    elif found:
        print_rows(HEADINGS, [_row(status) for status in found], shrink=SHRINK)
    else:
        click.echo(f"no entries in schedule {schedule!r}", err=True)
    if others and not as_json:
        click.echo(f"other schedules: {', '.join(others)}; see them with --schedule", err=True)


def _row(status: EntryStatus) -> list[str]:
    entry = status.entry
    return [
        entry.name,
        local(status.next_at) if status.next_at else "never",
        "paused" if status.paused else "" if entry.enabled else "disabled",
        entry.cron or f"every {entry.every / 1000:g} s",
        entry.timezone if entry.cron else "",
        entry.source,
        one_line(entry.description),
        one_line(entry.job),
    ]
