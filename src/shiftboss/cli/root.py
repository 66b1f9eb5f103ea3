"""The commands that there are."""

from __future__ import annotations

import click

from shiftboss.cli.group import Root

COMMANDS = {
    "demo": (
        "shiftboss.cli.demo.command",
        "demo",
        "Hash every file of a directory in a batch; needs no set-up.",
    ),
    "worker": ("shiftboss.cli.worker", "worker", "Run the jobs of some queues."),
    "limiters": ("shiftboss.cli.limiters", "limiters", "Look at limiters, and reset them."),
    "batches": ("shiftboss.cli.batches", "batches", "Look at batches, wait for them, take them back."),
}


@click.group("shiftboss", cls=Root, lazy=COMMANDS)
@click.version_option(package_name="shiftboss", prog_name="shiftboss", message="%(prog)s %(version)s")
def cli() -> None:
    """Batches, rate limiters and periodic jobs on Redis."""
