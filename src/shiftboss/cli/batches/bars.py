"""Batches as progress bars that move, for people at a terminal."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from shiftboss.cli.output import STYLES, console
from shiftboss.text import printable

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from shiftboss.batches import Status

# Of 80 columns, what a bar, its counts and the time leave.
NAME = 26


def draw(looks: Iterable[list[Status]]) -> int:
    """Draw each look; how many batches were seen."""
    tasks: dict[str, TaskID] = {}
    with _progress() as progress:
        for statuses in looks:
            for status in statuses:
                if status.bid in tasks:
                    progress.update(tasks[status.bid], **_shown(status))
                else:
                    tasks[status.bid] = progress.add_task("", name=_name(status), **_shown(status))
            progress.refresh()
    return len(tasks)


def _progress() -> Progress:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
    from rich.table import Column

    return Progress(
        TextColumn("{task.fields[name]}", markup=False, table_column=Column(no_wrap=True)),
        BarColumn(bar_width=None, table_column=Column(ratio=1)),
        MofNCompleteColumn(),
        TimeRemainingColumn(compact=True),
        TextColumn("{task.fields[notes]}", table_column=Column(no_wrap=True)),
        console=console(),
        auto_refresh=False,
        expand=True,
    )


def _shown(status: Status) -> dict[str, Any]:
    notes = [f"[{STYLES[status.state]}]{status.state}[/]"]
    notes += [f"[yellow]{status.failing:,} failing[/]"] if status.failing else []
    notes += [f"[red]{status.dead:,} dead[/]"] if status.dead else []
    # An empty batch is as done as it can be.
    return {"completed": status.done if status.total else 1, "total": status.total or 1, "notes": " ".join(notes)}


def _name(status: Status) -> str:
    name = printable(status.description) or status.bid
    return name if len(name) <= NAME else f"{name[: NAME - 1]}…"
