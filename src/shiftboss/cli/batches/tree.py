"""`shiftboss batches tree`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import STYLES, console, print_json
from shiftboss.text import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from rich.text import Text
    from rich.tree import Tree

    from shiftboss.batches import Status


@click.command("tree", cls=Command)
@click.argument("bid", metavar="BATCH")
@json_option
def tree(*, bid: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Show a batch and all that are below it."""
    from shiftboss.batches import Batch

    with connected(url, namespace) as client:
        batch = Batch.open(bid, client=client)
        top, below = batch.status(), batch.descendants()
    if as_json:
        for status in (top, *below):
            print_json(status.to_dict())
        return
    children: dict[str | None, list[Status]] = {}
    for status in below:
        children.setdefault(status.parent_bid, []).append(status)
    console().print(_grown(top, children))


def _grown(status: Status, children: Mapping[str | None, Sequence[Status]]) -> Tree:
    from rich.tree import Tree

    root = Tree(_line(status))
    waiting = [(root, status)]
    while waiting:
        branch, parent = waiting.pop()
        waiting += [(branch.add(_line(child)), child) for child in children.get(parent.bid, [])]
    return root


def _line(status: Status) -> Text:
    from rich.text import Text

    parts = [(f"{status.bid}  ", ""), (status.state, STYLES[status.state]), (f"  {status.done:,}/{status.total:,}", "")]
    parts += [(f"  {status.failing:,} failing", "yellow")] if status.failing else []
    parts += [(f"  {status.dead:,} dead", "red")] if status.dead else []
    parts += [(f"  {printable(status.description)}", "")] if status.description else []
    return Text.assemble(*parts)
