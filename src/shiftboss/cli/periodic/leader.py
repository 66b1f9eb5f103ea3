"""`shiftboss periodic leader`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, Failure, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import print_json
from shiftboss.cli.periodic.options import schedule_option


@click.command("leader", cls=Command)
@schedule_option
@json_option
def leader(*, schedule: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Show who fires a schedule. Exits with 1 if nobody does."""
    from shiftboss import periodic

    with connected(url, namespace) as client:
        found = periodic.leader(schedule, client=client)
    if as_json:
        print_json({"owner": found and found.owner, "term": found and found.term})
    if found is None:
        raise Failure(
            f"nobody leads schedule {schedule!r}; is a worker running with --schedule, or shiftboss periodic run?"
        )
    if not as_json:
        click.echo(f"{found.owner}, in term {found.term}")
