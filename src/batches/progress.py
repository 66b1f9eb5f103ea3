"""A progress bar for people, drawn by rich; nothing where nobody looks."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from .status import Status


class Bar:
    """Shows how far a batch is.

    Args:
        wanted: Whether to show anything. rich itself stays silent where the output is no terminal.
        console: Where to; default standard output.
    """

    def __init__(self, wanted: bool, console: Any = None) -> None:
        self._wanted = wanted
        self._console = console
        self._progress: Any = None
        self._task: Any = None

    def show(self, status: Status) -> None:
        """Draw it as it is now."""
        if not self._wanted:
            return
        if self._progress is None:
            self._start(status)
        notes = [f"[yellow]{status.failing} failing[/]"] if status.failing else []
        notes += [f"[red]{status.dead} dead[/]"] if status.dead else []
        self._progress.update(self._task, completed=status.done, total=status.total or 1, notes=" ".join(notes))
        if not status.total:
            self._progress.update(self._task, completed=1)

    def _start(self, status: Status) -> None:
        from rich.markup import escape
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.fields[notes]}"),
        )
        self._progress = Progress(*columns, console=self._console)
        self._task = self._progress.add_task(
            escape(status.description or status.bid), total=status.total or 1, completed=status.done, notes=""
        )
        self._progress.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._progress is not None:
            self._progress.stop()
