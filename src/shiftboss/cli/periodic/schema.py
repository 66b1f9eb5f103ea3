"""`shiftboss periodic schema`."""

from __future__ import annotations

from importlib.resources import files

import click

from shiftboss.cli.command import Command


@click.command("schema", cls=Command, redis="")
def schema(*, url: str | None, namespace: str | None) -> None:  # noqa: ARG001
    """Print the JSON schema of schedule files, for editors that complete from one."""
    click.echo((files("shiftboss.periodic") / "schedule.schema.json").read_text(), nl=False)
