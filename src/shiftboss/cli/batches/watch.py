"""`shiftboss batches watch`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import print_json
from shiftboss.text import printable

if TYPE_CHECKING:
    from collections.abc import Iterable

    from shiftboss.batches import Status

MOVING = {"expires_at", "rate", "eta"}


@click.command("watch", cls=Command)
@click.argument("bid", metavar="[BATCH]", required=False)
@json_option
def watch(*, bid: str | None, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Follow one batch, or all that are open, until they finish."""
    from shiftboss.batches import Batch
    from shiftboss.cli.batches.following import follow, follow_open

    with connected(url, namespace) as client:
        looks = follow(Batch.open(bid, client=client)) if bid else follow_open(client)
        if sys.stdout.isatty() and not as_json:
            from shiftboss.cli.batches.bars import draw

            count = draw(looks)
        else:
            count = _print_changes(looks, as_json=as_json)
    if not count:
        click.echo("no batch is open", err=True)


def _print_changes(looks: Iterable[list[Status]], *, as_json: bool) -> int:
    seen: dict[str, object] = {}
    for statuses in looks:
        for status in statuses:
            news = _facts(status) if as_json else _line(status)
            if seen.get(status.bid) == news:
                continue
            seen[status.bid] = news
            if as_json:
                print_json(status.to_dict())
            else:
                click.echo(_line(status))
    return len(seen)


def _facts(status: Status) -> dict[str, object]:
    """All that changes by what happens to the batch: its pace and the end of its life move at every look."""
    return {name: value for name, value in status.to_dict().items() if name not in MOVING}


def _line(status: Status) -> str:
    parts = [status.bid, f"{status.state:<9}", f"{status.done:,}/{status.total:,}"]
    parts += [f"{status.failing:,} failing"] if status.failing else []
    parts += [f"{status.dead:,} dead"] if status.dead else []
    parts += [printable(status.description)] if status.description else []
    return "  ".join(parts)
