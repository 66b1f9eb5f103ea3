"""A function as a job: called as before, or pushed to run elsewhere."""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, TypeVar, Unpack

from shiftboss.client import current_client
from shiftboss.engines.sidekiq.committing import after_commit
from shiftboss.engines.sidekiq.definition import Definition
from shiftboss.engines.sidekiq.due import due_at, due_in
from shiftboss.engines.sidekiq.job_id import JobId
from shiftboss.engines.sidekiq.middleware import around, to_push
from shiftboss.engines.sidekiq.options import JobOptions, OptionNames
from shiftboss.engines.sidekiq.payload import decode, encode
from shiftboss.engines.sidekiq.strict import check_arguments
from shiftboss.errors import ConfigError, JobError
from shiftboss.jobs import CurrentJob, Message, running

if TYPE_CHECKING:
    from shiftboss.testing.sandbox import Sandbox

P = ParamSpec("P")
R = TypeVar("R")

SLICE = 1_000


class FunctionJob(Generic[P, R]):
    """What `job` makes of a function. It can still be called; its other methods push it.

    Args:
        definition: The job.
        options: How it is pushed.

    Every method that pushes takes one round trip unless it says otherwise, none inside a batch's jobs block, and raises
    `JobError` for arguments that do not fit the function or would be changed by JSON, and Redis' own errors where the
    push could not be made sure of in time. It returns an empty id for a job that a client middleware kept back.
    """

    def __init__(self, definition: Definition, options: JobOptions) -> None:
        self.definition = definition
        self.options = options
        functools.update_wrapper(self, definition.run)

    @property
    def job_name(self) -> str:
        """What payloads call it."""
        return self.options.name or self.definition.name

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """The plain function, here and now, without a queue."""
        return self.definition.run(*args, **kwargs)  # type: ignore[no-any-return]

    def set(self, **options: Unpack[OptionNames]) -> FunctionJob[P, R]:
        """The same job, pushed with other options.

        Raises:
            ConfigError: An unknown option, with the nearest known one, or a value that cannot be right.
        """
        for name in ("limiter", "retry_on", "discard_on"):
            if name in options:
                raise ConfigError(
                    f"{self.job_name}: {name} is given where a job is defined, @job({name}=...), not with set()"
                )
        return FunctionJob(self.definition, JobOptions.load(self.options, **options))

    def perform_async(self, *args: P.args, **kwargs: P.kwargs) -> JobId:
        """Push it to run as soon as a worker is free. Not a coroutine; in one, use `aperform_async`."""
        return self._push(self._message(args, kwargs))

    def perform_in(self, delay: float | timedelta, /, *args: P.args, **kwargs: P.kwargs) -> JobId:
        """Push it to run after a delay in seconds or a timedelta; at once if that is not positive."""
        return self._push(self._message(args, kwargs, due_in(self.job_name, delay)))

    def perform_at(self, when: datetime | float, /, *args: P.args, **kwargs: P.kwargs) -> JobId:
        """Push it to run at a moment, a datetime with a time zone or epoch seconds; at once if that is past."""
        return self._push(self._message(args, kwargs, due_at(self.job_name, when)))

    def perform_bulk(self, rows: Iterable[Sequence[Any]]) -> list[JobId]:
        """Push one job per row of positional arguments. One round trip per 1,000.

        A row that cannot be pushed raises `JobError` with its number; what came before its 1,000 has been pushed.

        Args:
            rows: Lists or tuples of arguments; a generator is read 1,000 at a time.

        Returns:
            The ids, in order.
        """
        return [jid for messages in self._slices(rows) for jid in self._push_all(messages)]

    def perform_inline(self, *args: P.args, **kwargs: P.kwargs) -> R:
        """Run it here and now as a worker would, its arguments through JSON and all middleware. No round trip.

        Returns:
            What the function returns; of a coroutine function, the coroutine, to be awaited.
        """
        sent = to_push(self._message(args, kwargs))
        if sent is None:
            raise JobError(f"{self.job_name}: a client middleware keeps this job back, so it does not run")
        message = decode(encode(sent, created_at_ms=None, enqueued_at_ms=None)).message
        current = CurrentJob(message.id, message.queue, message)
        run = around(message, lambda: self.definition.run(*message.args), is_async=self.definition.is_async)
        if self.definition.is_async:
            return self._arun(current, run)  # type: ignore[return-value]
        with running(current):
            return run()  # type: ignore[no-any-return]

    async def aperform_async(self, *args: P.args, **kwargs: P.kwargs) -> JobId:
        """As `perform_async`, from a coroutine."""
        return await self._apush(self._message(args, kwargs))

    async def aperform_in(self, delay: float | timedelta, /, *args: P.args, **kwargs: P.kwargs) -> JobId:
        """As `perform_in`, from a coroutine."""
        return await self._apush(self._message(args, kwargs, due_in(self.job_name, delay)))

    async def aperform_at(self, when: datetime | float, /, *args: P.args, **kwargs: P.kwargs) -> JobId:
        """As `perform_at`, from a coroutine."""
        return await self._apush(self._message(args, kwargs, due_at(self.job_name, when)))

    async def aperform_bulk(self, rows: Iterable[Sequence[Any]]) -> list[JobId]:
        """As `perform_bulk`, from a coroutine."""
        return [jid for messages in self._slices(rows) for jid in await self._apush_all(messages)]

    @property
    def jobs(self) -> list[Message]:
        """In tests: those of this job that wait; see `shiftboss.testing`."""
        return [message for message in self._sandbox().jobs if self._is_mine(message)]

    def drain(self) -> int:
        """In tests: run those of this job that wait, and more of it that they push; how many runs there were."""
        return self._sandbox().drain(self._is_mine)

    def perform_one(self) -> Message:
        """In tests: run the next of this job that waits."""
        return self._sandbox().perform_one(self._is_mine)

    def clear(self) -> int:
        """In tests: forget those of this job that wait; how many there were."""
        return self._sandbox().clear(self._is_mine)

    def _is_mine(self, message: Message) -> bool:
        return message.name == self.job_name

    def _sandbox(self) -> Sandbox:
        from shiftboss.testing.sandbox import current_sandbox

        return current_sandbox()

    def call(self, *args: P.args, **kwargs: P.kwargs) -> Message:
        """The job with these arguments, to be pushed later: for `enqueue_after`, or as a batch's callback. No round trip."""
        return self._message(args, kwargs)

    def _message(self, args: Sequence[Any], kwargs: Mapping[str, Any], at: float | None = None) -> Message:
        positions = self.definition.parameters.bind(args, kwargs)
        check_arguments(self.job_name, positions)
        options = self.options
        return Message(self.job_name, positions, options.queue, os.urandom(12).hex(), at, None, options.wire)

    def _push(self, message: Message) -> JobId:
        return self._push_all([message])[0]

    async def _apush(self, message: Message) -> JobId:
        return (await self._apush_all([message]))[0]

    def _push_all(self, messages: Sequence[Message]) -> list[JobId]:
        client, sent = current_client(), [to_push(message) for message in messages]
        wanted = [message for message in sent if message is not None]
        if self.options.after_commit and not client.keeps_pushes():
            after_commit(self.job_name, lambda: client.perform(client.push(wanted)))
        else:
            client.perform(client.push(wanted))
        return [_NO_ID if message is None else JobId(message.id) for message in sent]

    async def _apush_all(self, messages: Sequence[Message]) -> list[JobId]:
        client, sent = current_client(), [to_push(message) for message in messages]
        await client.aperform(client.push([message for message in sent if message is not None]))
        return [_NO_ID if message is None else JobId(message.id) for message in sent]

    def _slices(self, rows: Iterable[Sequence[Any]]) -> Iterable[list[Message]]:
        rows, number = iter(rows), 0
        while some := list(islice(rows, SLICE)):
            messages = []
            for row in some:
                if not isinstance(row, (list, tuple)):
                    raise JobError(
                        f"{self.job_name}: row {number}: expected a list or tuple of arguments, got {row!r:.100}"
                    )
                try:
                    messages.append(self._message(row, _NONE))
                except JobError as error:
                    raise JobError(f"{error} (row {number})") from None
                number += 1
            yield messages

    async def _arun(self, current: CurrentJob, run: Callable[[], Any]) -> Any:
        with running(current):
            return await run()

    def __repr__(self) -> str:
        return f"<job {self.job_name} on {self.options.queue}>"


_NONE: Mapping[str, Any] = {}
_NO_ID = JobId("")
