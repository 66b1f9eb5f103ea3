"""Every error Shiftboss raises of its own.

    ShiftbossError
    ├── ConfigError (ValueError)      a setting, URL or option that cannot be right
    ├── ScriptError                   a Lua file that breaks its own contract
    ├── BatchError
    │   ├── BatchNotFound             no such batch, or it has expired
    │   └── BatchClosed               the batch takes no more jobs
    ├── OverLimit                     a limiter admits no more now
    ├── ScheduleError (ValueError)    a schedule that cannot be right
    │   └── EntryNotFound             the schedule has no such entry
    ├── JobError                      a job that cannot be pushed or run as asked
    │   ├── PrerequisiteDied          the job waited for one that died
    │   ├── NotPublished              an engine could not publish some (in `shiftboss.engine`)
    │   └── JobTimeout (TimeoutError) the job took longer than it may
    └── WaitTimeout (TimeoutError)    what was waited for did not happen in time

Redis' own errors pass through untouched. Every error here pickles, so it can cross a process boundary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from shiftboss.limiters import LimiterState


class ShiftbossError(Exception):
    """The base of all errors on this page."""


class ConfigError(ShiftbossError, ValueError):
    """A setting, URL or option that cannot be right; the message says what was expected and what was found."""


class ScriptError(ShiftbossError):
    """A Lua file that breaks its own contract: a bad header, a missing include, an include cycle."""


class BatchError(ShiftbossError):
    """Something a batch cannot do."""


class BatchNotFound(BatchError):
    """No batch has this id, or it has expired."""


class BatchClosed(BatchError):
    """The batch has finished, was broken off, or its block has ended: it takes no more jobs."""


class OverLimit(ShiftbossError):
    """A limiter admits no more now.

    Args:
        message: What happened, in words.
        limiter: The limiter's name.
        retry_after: Seconds after which it may admit again, where it knows; else None.
        source: The limiter itself, which says what becomes of a job; it does not cross process boundaries.
        state: How the limiter was used when it refused, as `peek` says it; None where Redis could not be asked.
    """

    def __init__(
        self,
        message: str,
        limiter: str = "",
        retry_after: float | None = None,
        source: object = None,
        state: LimiterState | None = None,
    ) -> None:
        super().__init__(message, limiter, retry_after)
        self.limiter = limiter
        self.retry_after = retry_after
        self.source = source
        self.state = state

    def __reduce__(self) -> tuple[type[OverLimit], tuple[object, ...], dict[str, object]]:
        return type(self), self.args, {**self.__dict__, "source": None}

    def __str__(self) -> str:
        return str(self.args[0])


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that is wrong in a schedule. As text it is one line.

    Args:
        message: What.
        file: The schedule file; None where an entry is of code.
        line: The line in it, from 1 on; None where it is about the file as a whole.
        entry: The entry's name; None where it is about none.
    """

    message: str
    file: str | None = None
    line: int | None = None
    entry: str | None = None

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return ": ".join(part for part in (place, self.entry, self.message) if part)


class ScheduleError(ShiftbossError, ValueError):
    """A schedule that cannot be right.

    Args:
        message: A line for each thing that is wrong.
        mistakes: The same, each with its file, line and entry, where it is about a whole schedule.
    """

    def __init__(self, message: str, mistakes: Sequence[Mistake] = ()) -> None:
        super().__init__(message)
        self.mistakes = tuple(mistakes)

    @classmethod
    def of(cls, *mistakes: Mistake) -> Self:
        """The error that says all of these."""
        return cls("\n".join(map(str, mistakes)), mistakes)


class EntryNotFound(ScheduleError):
    """The schedule has no entry of this name."""


class JobError(ShiftbossError):
    """A job that cannot be pushed or run as asked; the message names the job and the culprit."""


class PrerequisiteDied(JobError):
    """The job was to run after others had succeeded, and one of them died."""


class JobTimeout(JobError, TimeoutError):
    """The job took longer than its option `timeout` allows."""

    def __init__(self, message: str = "the job took longer than its timeout allows") -> None:
        super().__init__(message)


class WaitTimeout(ShiftbossError, TimeoutError):
    """What was waited for did not happen in time."""
