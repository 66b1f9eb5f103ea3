"""`shiftboss batches failures`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import print_json, print_rows
from shiftboss.text import local, one_line, plural

HEADINGS = ("WHEN", "JOB", "ATTEMPT", "ERROR", "MESSAGE")
SHRINK = {"JOB": 9, "ERROR": 12}


@click.command("failures", cls=Command)
@click.argument("bid", metavar="BATCH")
@json_option
def failures(*, bid: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """List the newest failed runs of a batch's jobs."""
    from shiftboss.batches import Batch

    with connected(url, namespace) as client:
        status = Batch.open(bid, client=client).status()
    if as_json:
        for failure in status.to_dict()["failures"]:
            print_json(failure)
        return
    if not status.failures:
        click.echo(f"no run of batch {status.bid} has failed", err=True)
        return
    rows = [
        [local(kept.at), kept.jid, f"{kept.attempt + 1}", one_line(kept.error), one_line(kept.message)]
        for kept in status.failures
    ]
    print_rows(HEADINGS, rows, right=("ATTEMPT",), shrink=SHRINK)
    if status.failed > len(status.failures):
        click.echo(f"the newest {len(status.failures)} of {plural(status.failed, 'failed run')}", err=True)
