"""`shiftboss batches rm`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, confirm, json_option, yes_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import print_done
from shiftboss.text import plural


@click.command("rm", cls=Command)
@click.argument("bids", metavar="BATCH...", nargs=-1, required=True)
@yes_option
@json_option
def rm(*, bids: tuple[str, ...], yes: bool, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Forget batches. Jobs of theirs that wait still run, and count for nothing."""
    from shiftboss.batches import Batch

    with connected(url, namespace) as client:
        found = [Batch.open(bid, client=client) for bid in dict.fromkeys(bids)]
        pending = sum(batch.status().finished_at is None for batch in found)
        unfinished = "which is unfinished" if len(found) == 1 else f"{pending} of them unfinished"
        confirm(f"forget {plural(len(found), 'batch', 'batches')}{f', {unfinished}' if pending else ''}?", yes)
        gone = sum(batch.delete() for batch in found)
    text = plural(gone, "batch is forgotten", "batches are forgotten")
    print_done(text, {"batches": gone}, as_json=as_json)
