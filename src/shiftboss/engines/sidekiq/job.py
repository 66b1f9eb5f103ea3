"""`job` and `Job`: how a function or a class becomes a job."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from types import FunctionType, MethodType
from typing import TYPE_CHECKING, Any, ClassVar, ParamSpec, TypeVar, Unpack, overload

from shiftboss.endings import Verdict
from shiftboss.engines.sidekiq.definition import define
from shiftboss.engines.sidekiq.function_job import FunctionJob
from shiftboss.engines.sidekiq.job_id import JobId
from shiftboss.engines.sidekiq.options import JobOptions, OptionNames
from shiftboss.engines.sidekiq.registry import register
from shiftboss.errors import ConfigError
from shiftboss.jobs import Message

__all__ = ["Job", "JobId", "job"]

P = ParamSpec("P")
R = TypeVar("R")


@overload
def job(function: Callable[P, R], /) -> FunctionJob[P, R]: ...
@overload
def job(**options: Unpack[OptionNames]) -> Callable[[Callable[P, R]], FunctionJob[P, R]]: ...
def job(function: Callable[..., Any] | None = None, /, **options: Unpack[OptionNames]) -> Any:
    """Make a function or coroutine function a job, known to this process by its name. No round trip.

    Its name is ``module.QualName``; in a program that is started as ``python app.py``, ``app.QualName``.

    Args:
        function: What runs. All its parameters must be reachable by position.
        options: See `JobOptions`.

    Returns:
        The job: call it as before, or push it with `FunctionJob.perform_async` and its like.

    Raises:
        ConfigError: An unknown option or a value that cannot be right, a function that cannot be a job, or another job
            of that name.

    Example:
        >>> from shiftboss import Shiftboss, job
        >>> @job(queue="critical", retry=5)
        ... def resize(path: str, width: int = 800) -> str:
        ...     return f"{path} at {width}"
        >>> resize("a.png")
        'a.png at 800'
        >>> with Shiftboss("fake://doc"):
        ...     len(resize.perform_async("a.png", width=400))
        24
    """
    chosen = JobOptions.load(None, **options)
    if function is None:
        return lambda decorated: _from_function(decorated, chosen)
    return _from_function(function, chosen)


class _Waiting:
    """`FunctionJob.jobs`, for a class."""

    def __get__(self, instance: Job | None, owner: type[Job]) -> list[Message]:
        return owner._pusher().jobs


class Job:
    """A job as a class: ``class Resize(Job, queue="critical", retry=5, name="Resize")`` with a method `perform`.

    The keywords are those of `JobOptions`; a subclass inherits all but the name. Each run gets an instance of its own.
    A class without `perform` is not a job yet, but can hold options for others.

    Raises:
        ConfigError: At the definition of the class; see `job`.

    Example:
        >>> from shiftboss import Job, Shiftboss
        >>> class Resize(Job, queue="critical", name="Resize"):
        ...     def perform(self, path, width=800): ...
        >>> with Shiftboss("fake://doc"):
        ...     len(Resize.perform_async("a.png"))
        24
    """

    job_name: ClassVar[str]
    job_options: ClassVar[JobOptions] = JobOptions()
    jobs: ClassVar[_Waiting] = _Waiting()
    _job: ClassVar[FunctionJob[..., Any] | None] = None

    if TYPE_CHECKING:
        # Whatever parameters a subclass gives it; they are checked when it is pushed.
        perform: Callable[..., Any]

    def __init_subclass__(cls, **options: Unpack[OptionNames]) -> None:
        super().__init_subclass__()
        cls.job_options = JobOptions.load(cls.job_options, **{"name": "", **options})
        cls._job = _from_class(cls)
        if cls._job is not None:
            cls.job_name = cls._job.job_name

    def retry_in(
        self,
        count: int,  # noqa: ARG002  for those who override it
        error: BaseException,  # noqa: ARG002
    ) -> float | timedelta | Verdict | None:
        """Seconds or a timedelta until the next try of a failed run, to which up to 10 seconds are added by chance for each
        failure; None or 0 for the usual, which grows with each; DISCARD or KILL for none.

        Args:
            count: How often it had failed before.
            error: Why it failed now.
        """
        return None

    def exhausted(self, job: Any, error: BaseException) -> None:
        """Called when it failed for the last time and will not run again.

        Args:
            job: What `current_job` returned in that run.
            error: Why it failed.
        """

    @classmethod
    def set(cls, **options: Unpack[OptionNames]) -> FunctionJob[..., Any]:
        """The same job, pushed with other options; see `FunctionJob.set`."""
        return cls._pusher().set(**options)

    @classmethod
    def call(cls, *args: Any, **kwargs: Any) -> Message:
        """The job with these arguments, to be pushed later; see `FunctionJob.call`."""
        return cls._pusher().call(*args, **kwargs)

    @classmethod
    def perform_async(cls, *args: Any, **kwargs: Any) -> JobId:
        """Push it to run as soon as a worker is free; see `FunctionJob.perform_async`."""
        return cls._pusher().perform_async(*args, **kwargs)

    @classmethod
    def perform_in(cls, delay: float | timedelta, /, *args: Any, **kwargs: Any) -> JobId:
        """Push it to run after a delay; see `FunctionJob.perform_in`."""
        return cls._pusher().perform_in(delay, *args, **kwargs)

    @classmethod
    def perform_at(cls, when: datetime | float, /, *args: Any, **kwargs: Any) -> JobId:
        """Push it to run at a moment; see `FunctionJob.perform_at`."""
        return cls._pusher().perform_at(when, *args, **kwargs)

    @classmethod
    def perform_bulk(cls, rows: Iterable[Sequence[Any]]) -> list[JobId]:
        """Push one job per row of arguments; see `FunctionJob.perform_bulk`."""
        return cls._pusher().perform_bulk(rows)

    @classmethod
    def perform_inline(cls, *args: Any, **kwargs: Any) -> Any:
        """Run it here and now as a worker would; see `FunctionJob.perform_inline`."""
        return cls._pusher().perform_inline(*args, **kwargs)

    @classmethod
    async def aperform_async(cls, *args: Any, **kwargs: Any) -> JobId:
        """As `perform_async`, from a coroutine."""
        return await cls._pusher().aperform_async(*args, **kwargs)

    @classmethod
    async def aperform_in(cls, delay: float | timedelta, /, *args: Any, **kwargs: Any) -> JobId:
        """As `perform_in`, from a coroutine."""
        return await cls._pusher().aperform_in(delay, *args, **kwargs)

    @classmethod
    async def aperform_at(cls, when: datetime | float, /, *args: Any, **kwargs: Any) -> JobId:
        """As `perform_at`, from a coroutine."""
        return await cls._pusher().aperform_at(when, *args, **kwargs)

    @classmethod
    async def aperform_bulk(cls, rows: Iterable[Sequence[Any]]) -> list[JobId]:
        """As `perform_bulk`, from a coroutine."""
        return await cls._pusher().aperform_bulk(rows)

    @classmethod
    def drain(cls) -> int:
        """In tests: run those that wait; see `FunctionJob.drain`."""
        return cls._pusher().drain()

    @classmethod
    def perform_one(cls) -> Message:
        """In tests: run the next that waits; see `FunctionJob.perform_one`."""
        return cls._pusher().perform_one()

    @classmethod
    def clear(cls) -> int:
        """In tests: forget those that wait; see `FunctionJob.clear`."""
        return cls._pusher().clear()

    @classmethod
    def _pusher(cls) -> FunctionJob[..., Any]:
        if cls._job is None:
            raise ConfigError(f"{cls.__qualname__} is not a job; give it a method perform")
        return cls._job


def _from_function(function: Any, options: JobOptions) -> FunctionJob[..., Any]:
    if isinstance(function, FunctionJob):
        raise ConfigError(f"{function.job_name} is a job already; decorate it once, or push it with .set(...)")
    if inspect.isclass(function) or not callable(function) or not hasattr(function, "__qualname__"):
        raise ConfigError(
            f"expected a function under @job or @job(queue=...), got {function!r}; a class derives from Job instead"
        )
    if function.__qualname__.endswith("<lambda>") and not options.name:
        raise ConfigError("a lambda has no name by which a worker finds it; use def, or @job(name=...)")
    owner = function.__qualname__.rpartition(".")[0]
    if owner and not owner.endswith("<locals>") and next(iter(inspect.signature(function).parameters), "") == "self":
        raise ConfigError(
            f"{function.__qualname__} is a method, which has no object in a worker; derive a class from Job"
        )
    definition = define(function, options, perform=function, run=function)
    register(definition)
    return FunctionJob(definition, options)


def _from_class(cls: type[Job]) -> FunctionJob[..., Any] | None:
    perform = inspect.getattr_static(cls, "perform", None)
    if perform is None:
        if cls.job_options.name:
            raise ConfigError(f"{cls.__qualname__} is to be called {cls.job_options.name!r} but has no method perform")
        return None
    definition = define(
        cls,
        cls.job_options,
        perform=MethodType(perform, cls) if isinstance(perform, FunctionType) else cls.perform,
        run=lambda *args, **kwargs: cls().perform(*args, **kwargs),
        retry_in=None if cls.retry_in is Job.retry_in else lambda count, error: cls().retry_in(count, error),
        exhausted=None if cls.exhausted is Job.exhausted else lambda job, error: cls().exhausted(job, error),
    )
    register(definition)
    return FunctionJob(definition, cls.job_options)
