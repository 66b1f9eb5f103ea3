"""`shiftboss batches invalidate`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, confirm, json_option, yes_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import print_done
from shiftboss.text import plural


@click.command("invalidate", cls=Command)
@click.argument("bid", metavar="BATCH")
@yes_option
@json_option
def invalidate(*, bid: str, yes: bool, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Leave out the jobs of a batch, and of those below it, that have not started."""
    from shiftboss.batches import Batch

    with connected(url, namespace) as client:
        batch = Batch.open(bid, client=client)
        status = batch.status()
        waiting = plural(status.pending - status.dead, "pending job")
        confirm(f"leave out what has not started of {waiting} of batch {bid}?", yes)
        news = batch.invalidate()
    text = f"batch {bid} is invalidated{'' if news else ' already'}"
    print_done(text, {"bid": bid, "changed": news}, as_json=as_json)
