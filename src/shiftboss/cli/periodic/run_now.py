"""`shiftboss periodic run-now`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import print_done
from shiftboss.cli.periodic.options import schedule_option


@click.command("run-now", cls=Command)
@click.argument("name", metavar="ENTRY")
@schedule_option
@json_option
def run_now(*, name: str, schedule: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Enqueue an entry's job out of turn; its ticks stay where they are. Prints the job's id."""
    from shiftboss import periodic

    with connected(url, namespace) as client:
        jid = periodic.run_now(name, schedule, client=client)
    print_done(jid, {"jid": jid}, as_json=as_json)
