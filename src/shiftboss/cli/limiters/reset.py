"""`shiftboss limiters reset`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, confirm, json_option, yes_option
from shiftboss.cli.connect import connected
from shiftboss.cli.limiters.looking import find
from shiftboss.cli.output import print_done


@click.command("reset", cls=Command)
@click.argument("name", metavar="LIMITER")
@yes_option
@json_option
def reset(*, name: str, yes: bool, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Make a limiter as if nothing had been taken of it. Holders of slots lose them."""
    with connected(url, namespace) as client:
        limiter = find(client, name)
        state = limiter.peek()
        confirm(f"forget that {state.used:,} of {limiter.size:,} are taken of limiter {name!r}?", yes)
        limiter.reset()
    print_done(f"limiter {name!r} is reset", {"name": name, "used": state.used}, as_json=as_json)
