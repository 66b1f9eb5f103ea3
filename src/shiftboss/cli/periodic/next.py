"""`shiftboss periodic next`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, Failure, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.numbers import Whole
from shiftboss.cli.output import print_json
from shiftboss.cli.periodic.options import schedule_option


@click.command("next", cls=Command)
@click.argument("name", metavar="ENTRY")
@click.option("-n", "--number", type=Whole(1, 1000), default=5, show_default=True, help="How many.")
@schedule_option
@json_option
def next_ticks(*, name: str, number: int, schedule: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Show the next ticks of an entry, in its zone and in yours."""
    from zoneinfo import ZoneInfo

    from shiftboss import periodic

    with connected(url, namespace) as client:
        entries = {status.entry.name: status.entry for status in periodic.entries(schedule, client=client)}
    if name not in entries:
        raise Failure(f"no entry {name!r} in schedule {schedule!r}; see shiftboss periodic ls")
    entry = entries[name]
    for at in periodic.upcoming(entry, number):
        if as_json:
            print_json({"at": at.isoformat()})
        else:
            theirs = at.astimezone(ZoneInfo(entry.timezone))
            click.echo(f"{theirs:%a %Y-%m-%d %H:%M:%S} {entry.timezone}   {at.astimezone():%Y-%m-%d %H:%M:%S %z} here")
