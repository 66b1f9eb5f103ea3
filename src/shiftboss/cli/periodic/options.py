"""What the commands on schedules have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shiftboss.cli.command import Misuse
from shiftboss.cli.modules import load as load_module

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.periodic import Schedule, Scheduler

F = TypeVar("F", bound=Callable[..., Any])


def schedule_option(function: F) -> F:
    """Add `--schedule`."""
    option = click.option("--schedule", metavar="NAME", default="default", show_default=True, help="Of which schedule.")
    return option(function)


def require_option(function: F) -> F:
    """Add `--require`."""
    option = click.option(
        "-r",
        "--require",
        "modules",
        multiple=True,
        metavar="MODULE",
        help="A module that defines jobs; repeat it for more.",
    )
    return option(function)


def read_schedules(files: Sequence[str], modules: Sequence[str]) -> list[Schedule]:
    """The schedules of files, each with what the modules have registered under its name; and those that only code knows."""
    from shiftboss.periodic.registration import schedules as registered_schedules
    from shiftboss.periodic.schedule import Schedule, complete, load

    for module in modules:
        load_module(module)
    found = [complete(load(file)) for file in files]
    names = [schedule.name for schedule in found]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise Misuse(f"two files are of schedule {twice!r}; give one another name, with schedule: in it")
    return found + [complete(Schedule(name, ())) for name in registered_schedules() if name not in names]


@contextmanager
def firing(client: Shiftboss, schedules: Sequence[Schedule], **options: Any) -> Iterator[list[Scheduler]]:
    """Fire schedules while the block runs.

    Raises:
        ScheduleError: A job that cannot be enqueued without arguments, or is not known here.
    """
    from shiftboss.periodic import Scheduler
    from shiftboss.periodic.schedule import check_jobs

    for schedule in schedules:
        check_jobs(schedule, client.engine)
    with ExitStack() as stack:
        running = [Scheduler(client, schedule, **options) for schedule in schedules]
        for scheduler in running:
            scheduler.start()
            stack.callback(scheduler.stop, 5.0)
        yield running
