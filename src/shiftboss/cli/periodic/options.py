"""What the commands on schedules have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from shiftboss.cli.modules import load as load_module

if TYPE_CHECKING:
    from shiftboss.periodic import Schedule

F = TypeVar("F", bound=Callable[..., Any])


def schedule_option(function: F) -> F:
    """Add `--schedule`."""
    option = click.option("--schedule", metavar="NAME", default="default", show_default=True, help="Of which schedule.")
    return option(function)


def read_schedules(files: Sequence[str], modules: Sequence[str]) -> list[Schedule]:
    """The schedules of files, each with what the modules have registered under its name; and those that only code knows."""
    from shiftboss.periodic.reading import load
    from shiftboss.periodic.schedule import with_registered

    for module in modules:
        load_module(module)
    return with_registered([load(file) for file in files])
