"""`shiftboss limiters`."""

from __future__ import annotations

import click

from shiftboss.cli.group import LazyGroup

COMMANDS = {
    "ls": ("shiftboss.cli.limiters.ls", "ls", "List limiters."),
    "show": ("shiftboss.cli.limiters.show", "show", "Show one limiter, and who holds it."),
    "watch": ("shiftboss.cli.limiters.watch", "watch", "Follow limiters until Ctrl-C."),
    "reset": ("shiftboss.cli.limiters.reset", "reset", "Make a limiter as if nothing had been taken of it."),
    "rm": ("shiftboss.cli.limiters.rm", "rm", "Forget limiters."),
}


@click.group("limiters", cls=LazyGroup, lazy=COMMANDS)
def limiters() -> None:
    """Look at limiters, and reset them."""
