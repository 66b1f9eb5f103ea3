"""`shiftboss limiters ls`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.limiters.looking import HEADINGS, RIGHT, as_row, look, to_dict
from shiftboss.cli.numbers import Whole
from shiftboss.cli.output import print_json, print_rows


@click.command("ls", cls=Command)
@click.option("--text", metavar="TEXT", default="", help="Only those with this in their name.")
@click.option("-n", "--number", type=Whole(0), default=50, show_default=True, help="How many at most; 0: all of them.")
@json_option
def ls(*, text: str, number: int, as_json: bool, url: str | None, namespace: str | None) -> None:
    """List limiters by name, with what is taken of them."""
    with connected(url, namespace) as client:
        found = look(client, text, number)
    if as_json:
        for limiter, state in found:
            print_json(to_dict(limiter, state))
    elif found:
        print_rows(HEADINGS, [as_row(*one) for one in found], right=RIGHT)
    else:
        such = "such " if text else ""
        click.echo(f"no {such}limiters at {client.server.label}, namespace {client.namespace}", err=True)
