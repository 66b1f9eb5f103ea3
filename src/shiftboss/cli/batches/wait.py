"""`shiftboss batches wait`."""

from __future__ import annotations

import sys

import click

from shiftboss.batches.callbacks import EVENTS
from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.numbers import Seconds
from shiftboss.cli.output import print_json
from shiftboss.errors import BatchError, BatchNotFound, WaitTimeout

# It cannot happen any more: jobs died, or the batch is broken.
DEATH = 3
TIMEOUT = 4


@click.command("wait", cls=Command)
@click.argument("bid", metavar="BATCH")
@click.option("--event", type=click.Choice(EVENTS), default="success", show_default=True, help="What to wait for.")
@click.option("--timeout", type=Seconds(0), metavar="SECONDS", help="How long at most. [default: for ever]")
@json_option
def wait(*, bid: str, event: str, timeout: float | None, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Wait for an event of a batch. Exits with 0 when it has happened, 3 when it no longer can, 4 on timeout."""
    from shiftboss.batches import Batch

    with connected(url, namespace) as client:
        batch, code, why = Batch.open(bid, client=client), 0, ""
        try:
            batch.join(timeout, event=event, progress=sys.stderr.isatty() and not as_json)
        except BatchNotFound:
            raise
        except WaitTimeout as error:
            code, why = TIMEOUT, str(error)
        except BatchError as error:
            code, why = DEATH, str(error)
        if as_json:
            print_json(batch.status().to_dict())
        elif why:
            click.echo(why, err=True)
    sys.exit(code)
