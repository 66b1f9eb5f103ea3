"""`shiftboss queues`, `retries`, `scheduled`, `dead`, `failures`, `processes`, `stats` and `enqueue`."""

from __future__ import annotations

import click

from shiftboss.cli.group import LazyGroup

HERE = "shiftboss.cli.jobs"
LS = (f"{HERE}.waiting", "ls", "List jobs.")
SHOW = (f"{HERE}.waiting", "show", "Show one job.")
RM = (f"{HERE}.waiting", "rm", "Drop jobs.")
CLEAR = (f"{HERE}.waiting", "clear", "Drop all jobs.")
RETRY = (f"{HERE}.waiting", "retry", "Put jobs into their queues, now.")
KILL = (f"{HERE}.waiting", "kill", "Move jobs to the dead.")


@click.group(
    "queues",
    cls=LazyGroup,
    lazy={
        "ls": (f"{HERE}.queues", "ls", "List queues."),
        "show": (f"{HERE}.queues", "show", "List the jobs of a queue, newest first."),
        "pause": (f"{HERE}.queues", "pause", "Stop workers taking jobs from queues."),
        "resume": (f"{HERE}.queues", "resume", "End a pause."),
        "rm": (f"{HERE}.queues", "rm", "Drop jobs of a queue."),
        "clear": (f"{HERE}.queues", "clear", "Drop all jobs of queues."),
    },
)
def queues() -> None:
    """Look at queues and the jobs in them."""


@click.group(
    "retries", cls=LazyGroup, lazy={"ls": LS, "show": SHOW, "retry": RETRY, "kill": KILL, "rm": RM, "clear": CLEAR}
)
def retries() -> None:
    """Look at jobs that have failed and will run again."""


@click.group(
    "scheduled", cls=LazyGroup, lazy={"ls": LS, "show": SHOW, "run-now": RETRY, "kill": KILL, "rm": RM, "clear": CLEAR}
)
def scheduled() -> None:
    """Look at jobs that are due later."""


@click.group("dead", cls=LazyGroup, lazy={"ls": LS, "show": SHOW, "retry": RETRY, "rm": RM, "clear": CLEAR})
def dead() -> None:
    """Look at jobs that will not run again."""


@click.group(
    "failures",
    cls=LazyGroup,
    lazy={
        "ls": (f"{HERE}.failures", "ls", "List the newest failed runs."),
        "show": (f"{HERE}.failures", "show", "Show the newest failed run of a job."),
        "clear": (f"{HERE}.failures", "clear", "Forget failed runs."),
    },
)
def failures() -> None:
    """Look at the newest failed runs of all jobs."""


@click.group(
    "processes",
    cls=LazyGroup,
    lazy={
        "ls": (f"{HERE}.processes", "ls", "List worker processes."),
        "jobs": (f"{HERE}.processes", "jobs", "List the jobs that run."),
        "quiet": (f"{HERE}.processes", "quiet", "Have processes take no more jobs."),
        "stop": (f"{HERE}.processes", "stop", "Have processes stop."),
    },
)
def processes() -> None:
    """Look at worker processes and what they run."""
