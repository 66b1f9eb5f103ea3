"""`shiftboss periodic pause` and `resume`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import print_done
from shiftboss.cli.periodic.options import schedule_option


@click.command("pause", cls=Command)
@click.argument("names", metavar="ENTRY...", nargs=-1, required=True)
@schedule_option
@json_option
def pause(*, names: tuple[str, ...], schedule: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Let entries rest, through deploys, until they are resumed."""
    from shiftboss import periodic

    with connected(url, namespace) as client:
        for name in names:
            periodic.pause(name, schedule, client=client)
            print_done(f"entry {name!r} rests", {"name": name, "paused": True}, as_json=as_json)


@click.command("resume", cls=Command)
@click.argument("names", metavar="ENTRY...", nargs=-1, required=True)
@schedule_option
@json_option
def resume(*, names: tuple[str, ...], schedule: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Let entries fire again, from their next ticks on."""
    from shiftboss import periodic

    with connected(url, namespace) as client:
        for name in names:
            periodic.resume(name, schedule, client=client)
            print_done(f"entry {name!r} fires again", {"name": name, "paused": False}, as_json=as_json)
