"""`shiftboss limiters rm`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, confirm, json_option, yes_option
from shiftboss.cli.connect import connected
from shiftboss.cli.limiters.looking import find
from shiftboss.cli.output import print_done
from shiftboss.text import plural


@click.command("rm", cls=Command)
@click.argument("names", metavar="LIMITER...", nargs=-1, required=True)
@yes_option
@json_option
def rm(*, names: tuple[str, ...], yes: bool, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Forget limiters: what is taken of them, and that they are there. Who uses one brings it back."""
    from shiftboss.limiters import remove

    with connected(url, namespace) as client:
        found = [find(client, name) for name in names]
        confirm(f"forget {plural(len(found), 'limiter')}?", yes)
        for limiter in found:
            remove(limiter)
    text = plural(len(found), "limiter is forgotten", "limiters are forgotten")
    print_done(text, {"limiters": len(found)}, as_json=as_json)
