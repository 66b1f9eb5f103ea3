"""`shiftboss batches`."""

from __future__ import annotations

import click

from shiftboss.cli.group import LazyGroup

COMMANDS = {
    "ls": ("shiftboss.cli.batches.ls", "ls", "List batches, newest first."),
    "show": ("shiftboss.cli.batches.show", "show", "Show one batch."),
    "tree": ("shiftboss.cli.batches.tree", "tree", "Show a batch and all that are below it."),
    "failures": ("shiftboss.cli.batches.failures", "failures", "List the newest failed runs of a batch's jobs."),
    "watch": ("shiftboss.cli.batches.watch", "watch", "Follow one batch, or all open ones, until they finish."),
    "wait": ("shiftboss.cli.batches.wait", "wait", "Wait for an event of a batch."),
    "invalidate": ("shiftboss.cli.batches.invalidate", "invalidate", "Leave out the jobs that have not started."),
    "rm": ("shiftboss.cli.batches.rm", "rm", "Forget batches."),
    "doctor": ("shiftboss.cli.batches.doctor", "doctor", "Find what will not mend by itself, and mend it."),
}


@click.group("batches", cls=LazyGroup, lazy=COMMANDS)
def batches() -> None:
    """Look at batches, wait for them, take them back."""
