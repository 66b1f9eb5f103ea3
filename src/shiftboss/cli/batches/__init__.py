"""`shiftboss batches`."""

from __future__ import annotations

import click

from shiftboss.cli.group import LazyGroup

COMMANDS = {
    "ls": ("shiftboss.cli.batches.ls", "ls", "List batches, newest first."),
    "show": ("shiftboss.cli.batches.show", "show", "Show one batch."),
    "watch": ("shiftboss.cli.batches.watch", "watch", "Follow one batch, or all open ones, until they finish."),
}


@click.group("batches", cls=LazyGroup, lazy=COMMANDS)
def batches() -> None:
    """List, show and watch batches."""
