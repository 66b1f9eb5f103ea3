"""`shiftboss batches ls`."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

import click

from shiftboss.batches.status import STATES
from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.numbers import Whole
from shiftboss.cli.output import print_json, print_rows
from shiftboss.text import age, plural, printable

if TYPE_CHECKING:
    from shiftboss.batches import Status

HEADINGS = ("BATCH", "STATE", "DONE", "FAILING", "DEAD", "AGE", "DESCRIPTION")


@click.command("ls", cls=Command)
@click.option("--tag", metavar="WORD", help="Only those with this tag.")
@click.option("--text", metavar="TEXT", help="Only those with this in their description or id.")
@click.option("--state", type=click.Choice(STATES), help="Only those in this state.")
@click.option("-n", "--number", type=Whole(0), default=20, show_default=True, help="How many at most; 0: all of them.")
@json_option
def ls(
    *,
    tag: str | None,
    text: str | None,
    state: str | None,
    number: int,
    as_json: bool,
    url: str | None,
    namespace: str | None,
) -> None:
    """List batches, newest first."""
    from shiftboss.batches import BatchSet

    with connected(url, namespace) as client:
        found = iter(BatchSet(tag=tag, text=text, state=state, client=client))
        if as_json:
            for status in islice(found, number or None):
                print_json(status.to_dict())
            return
        statuses = list(islice(found, number or None))
        more = number and next(found, None) is not None
    if not statuses:
        wanted = "such " if {tag, text, state} != {None} else ""
        click.echo(f"no {wanted}batches at {client.server.label}, namespace {client.namespace}", err=True)
        return
    print_rows(HEADINGS, [_row(status) for status in statuses], right=("DONE", "FAILING", "DEAD", "AGE"))
    if more:
        click.echo(f"the newest {plural(len(statuses), 'batch', 'batches')}; more with -n", err=True)


def _row(status: Status) -> list[str]:
    about = " ".join([status.description, *(f"#{tag}" for tag in status.tags)]).strip()
    return [
        status.bid,
        status.state,
        f"{status.done:,}/{status.total:,}",
        f"{status.failing:,}" if status.failing else "",
        f"{status.dead:,}" if status.dead else "",
        age(status.created_at),
        printable(about),
    ]
