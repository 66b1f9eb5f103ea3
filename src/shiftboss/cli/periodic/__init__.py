"""`shiftboss periodic`."""

from __future__ import annotations

import click

from shiftboss.cli.group import LazyGroup

COMMANDS = {
    "check": ("shiftboss.cli.periodic.check", "check", "Check a schedule file."),
    "schema": ("shiftboss.cli.periodic.schema", "schema", "Print the JSON schema of schedule files."),
    "ls": ("shiftboss.cli.periodic.ls", "ls", "List entries with their next ticks."),
    "next": ("shiftboss.cli.periodic.next", "next_ticks", "Show the next ticks of an entry."),
    "history": ("shiftboss.cli.periodic.history", "history", "Show the newest runs of an entry."),
    "pause": ("shiftboss.cli.periodic.resting", "pause", "Let entries rest."),
    "resume": ("shiftboss.cli.periodic.resting", "resume", "Let entries fire again."),
    "run-now": ("shiftboss.cli.periodic.run_now", "run_now", "Enqueue an entry's job out of turn."),
    "leader": ("shiftboss.cli.periodic.leader", "leader", "Show who fires a schedule."),
    "run": ("shiftboss.cli.periodic.run", "run", "Fire a schedule, if this process leads it."),
}


@click.group("periodic", cls=LazyGroup, lazy=COMMANDS)
def periodic() -> None:
    """Check, watch and fire schedules of periodic jobs."""
