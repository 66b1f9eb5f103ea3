"""`enqueue_after`: a job that waits until others have succeeded.

What it waits for is a batch: the jobs that are pushed with it are its members, and a place in it stands for each batch or
job that was pushed before. The job itself is the callback of its success.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shiftboss.client import current_client
from shiftboss.errors import BatchError, ConfigError
from shiftboss.jobs import PREREQUISITE_DIED, Message

from .batch import Batch
from .block import current_block
from .waiting import Awaited, check_there

ON_DEATH = ("die", "run")
Prerequisite = Message | Batch | str | Callable[[], object]


def enqueue_after(
    prerequisites: Iterable[Prerequisite], job: Any, /, *args: Any, on_death: str = "die", **kwargs: Any
) -> Batch:
    """Push a job once all of these have succeeded.

    Args:
        prerequisites: Each is ``other.call(...)``, which is pushed now; or a `Batch`; or the id of a job that was pushed
            before and is tracked (``@job(track=True)``); or, for any engine, a function without arguments that pushes
            something, such as ``partial(task.delay, 1)``.
        job: The job that waits: one of the built-in engine, a task or an actor.
        *args: Its arguments.
        on_death: What happens when one of them dies. ``die``: the job dies too, with `PrerequisiteDied`; if the one that died
            is run again, and all have succeeded after all, the job runs. ``run``: it runs when all have succeeded or died.
        **kwargs: Its arguments by name.

    Returns:
        The batch of what it waits for. It has succeeded when they and the job have, so it can be a prerequisite in turn. Made
        in a batch's jobs block, it is that batch's child.

    Raises:
        BatchNotFound: No such batch.
        BatchError: A job that is not tracked; or the job would wait for itself.
        ConfigError: Something else among the prerequisites, a function that pushed nothing, or another `on_death`.

    Round trips: as many as pushing the calls as a batch, and three for each batch or id.

    Example:
        >>> from shiftboss import Shiftboss, job
        >>> @job(name="fetch")
        ... def fetch(page): ...
        >>> @job(name="summarize")
        ... def summarize(book): ...
        >>> with Shiftboss("fake://doc"):
        ...     waiting = enqueue_after([fetch.call(1), fetch.call(2)], summarize, "Emma")
        ...     waiting.status().total
        2
    """
    pushes, awaited = _sorted(prerequisites)
    batch, client = _batch(_message(job, args, kwargs), on_death), current_client()
    client.perform(check_there(client, awaited))
    with batch.jobs() as block:
        for push in pushes:
            if isinstance(push, Message):
                client.perform(client.push([push]))
            else:
                before = len(block.ids)
                push()
                _check_pushed(push, len(block.ids) - before)
        block.wait_for(awaited)
    return batch


async def aenqueue_after(
    prerequisites: Iterable[Prerequisite], job: Any, /, *args: Any, on_death: str = "die", **kwargs: Any
) -> Batch:
    """As `enqueue_after`, for coroutines."""
    pushes, awaited = _sorted(prerequisites)
    batch, client = _batch(_message(job, args, kwargs), on_death), current_client()
    await client.aperform(check_there(client, awaited))
    async with batch.jobs() as block:
        for push in pushes:
            if isinstance(push, Message):
                await client.aperform(client.push([push]))
            else:
                before, pushed = len(block.ids), push()
                if inspect.isawaitable(pushed):
                    await pushed
                _check_pushed(push, len(block.ids) - before)
        block.wait_for(awaited)
    return batch


def _message(job: Any, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Message:
    """What is to be pushed in the end. Tasks and actors are known by their name, and go where their batch's first job went."""
    if isinstance(job, Message):
        if args or kwargs:
            raise ConfigError(
                f"{job.name}.call(...) has its arguments; pass none beside it, got {(*args, *kwargs)!r:.200}"
            )
        return job
    if hasattr(job, "call"):
        return job.call(*args, **kwargs)  # type: ignore[no-any-return]
    name = getattr(job, "job_name", None)
    if name is None:
        raise ConfigError(f"expected a job, a task or an actor that waits, got {job!r:.200}")
    if kwargs:
        raise ConfigError(
            f"{name}: pass the arguments of a task or an actor that waits by position, got {sorted(kwargs)}"
        )
    return Message(name, tuple(args), "", "")


def _check_pushed(push: object, count: int) -> None:
    if count == 0:
        raise ConfigError(f"expected prerequisites to push something, but {push!r:.200} pushed nothing")


def _batch(message: Message, on_death: str) -> Batch:
    if on_death not in ON_DEATH:
        raise ConfigError(f"expected on_death to be 'die' or 'run', got {on_death!r}")
    batch = Batch(description=f"What {message.name} waits for")
    if on_death == "run":
        return batch.on("finished", message)
    died = replace(message, options={**message.options, "retry": 0, PREREQUISITE_DIED: batch.bid})
    return batch.on("success", message).on("death", died)


def _sorted(prerequisites: Iterable[Prerequisite]) -> tuple[list[Message | Callable[[], object]], list[Awaited]]:
    """Those that are to be pushed, and those that were."""
    if isinstance(prerequisites, str) or not isinstance(prerequisites, Iterable):
        raise ConfigError(f"expected prerequisites to be a list, got {prerequisites!r:.200}")
    pushes, awaited, around = list[Message | Callable[[], object]](), list[Awaited](), _around()
    for one in prerequisites:
        match one:
            case Message():
                pushes.append(one)
            case Batch() if one.bid in around:
                raise BatchError(
                    f"a job in the block of batch {one.bid} cannot wait for that batch: it would wait for itself"
                )
            case Batch():
                if not one.is_known and one.born_in is None:
                    raise BatchError(f"batch {one.bid} cannot be waited for: its first jobs block has not ended")
                awaited.append(Awaited(one.bid, pushed=one.is_known))
            case str():
                awaited.append(Awaited.job(str(one)))
            case _ if callable(one) and not hasattr(one, "job_name"):  # a job that was called would run here
                pushes.append(one)
            case _:
                raise ConfigError(
                    "expected prerequisites to be job.call(...), batches, ids of tracked jobs, or functions that push, "
                    f"got {one!r:.200}"
                )
    return pushes, awaited


def _around() -> set[str]:
    """The ids of the batches in whose blocks this runs, and of those above them."""
    block = current_block()
    batch, found = block.batch if block else None, set[str]()
    while batch is not None:
        found.add(batch.bid)
        batch = batch.parent
    return found
