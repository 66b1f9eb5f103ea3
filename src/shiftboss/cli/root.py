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
    "periodic": ("shiftboss.cli.periodic", "periodic", "Check, watch and fire schedules of periodic jobs."),
    "limiters": ("shiftboss.cli.limiters", "limiters", "Look at limiters, and reset them."),
    "batches": ("shiftboss.cli.batches", "batches", "Look at batches, wait for them, take them back."),
    "queues": ("shiftboss.cli.jobs.groups", "queues", "Look at queues and the jobs in them; pause them."),
    "retries": ("shiftboss.cli.jobs.groups", "retries", "Look at jobs that have failed and will run again."),
    "scheduled": ("shiftboss.cli.jobs.groups", "scheduled", "Look at jobs that are due later."),
    "dead": ("shiftboss.cli.jobs.groups", "dead", "Look at jobs that will not run again; revive them."),
    "failures": ("shiftboss.cli.jobs.groups", "failures", "Look at the newest failed runs."),
    "processes": ("shiftboss.cli.jobs.groups", "processes", "Look at worker processes and what they run."),
    "doctor": ("shiftboss.cli.doctor", "doctor", "Look for what is wrong, and say what to do about it."),
    "stats": ("shiftboss.cli.jobs.stats", "stats", "Show how much there is of everything."),
    "web": ("shiftboss.cli.web", "web", "Serve the dashboard."),
    "enqueue": ("shiftboss.cli.jobs.enqueue", "enqueue", "Push a job by hand."),
}


@click.group("shiftboss", cls=Root, lazy=COMMANDS)
@click.version_option(package_name="shiftboss", prog_name="shiftboss", message="%(prog)s %(version)s")
def cli() -> None:
    """Batches, rate limiters and periodic jobs on Redis.

    Options go after the command, as in: shiftboss stats --redis URL
    """
