"""`shiftboss enqueue`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from shiftboss.cli.command import Command, Failure, Misuse, require_option
from shiftboss.cli.connect import connected
from shiftboss.cli.modules import load
from shiftboss.cli.text import span

if TYPE_CHECKING:
    from shiftboss.jobs import Message

UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def parse_delay(ctx: click.Context, param: click.Parameter, text: str | None) -> float | None:
    """Seconds from ``90``, ``30s``, ``5m``, ``2h`` or ``1d``."""
    if text is None:
        return None
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|m|min|h|d)?", text)
    if found is None:
        raise click.BadParameter(f"expected a time like 30s, 5m, 2h or 1d, got {text!r}", ctx, param)
    return float(found[1]) * UNITS[found[2] or ""]


def check_queue(ctx: click.Context, param: click.Parameter, name: str | None) -> str | None:
    """A name that a worker can serve."""
    from shiftboss.engines.sidekiq.options import WORD, is_word

    if name is not None and not is_word(name):
        raise click.BadParameter(f"expected {WORD}, got {name!r}", ctx, param)
    return name


@click.command("enqueue", cls=Command)
@click.argument("name", metavar="NAME")
@click.argument("arguments", metavar="[JSON]...", nargs=-1)
@require_option
@click.option(
    "-q",
    "--queue",
    metavar="NAME",
    callback=check_queue,
    help="Where it goes. [default: what the job says, else default]",
)
@click.option("--in", "delay", metavar="TIME", callback=parse_delay, help="Later: 30s, 5m, 2h, 1d.")
@click.option("--inline", is_flag=True, help="Run it here and now; needs --require.")
def enqueue(
    *,
    name: str,
    arguments: Sequence[str],
    modules: Sequence[str],
    queue: str | None,
    delay: float | None,
    inline: bool,
    url: str | None,
    namespace: str | None,
) -> None:
    """Push a job by hand, and print its id.

    A job that a required module defines is checked and pushed with its options; any other name goes to the workers as it
    is.
    """
    if inline and (delay is not None or queue is not None):
        raise click.UsageError("--inline runs the job here and now, without --in and --queue")
    for variable, value in (("SHIFTBOSS_URL", url), ("SHIFTBOSS_NAMESPACE", namespace)):
        if value:
            os.environ[variable] = value
    for module in modules:
        load(module)
    args = [_argument(text) for text in arguments]
    with connected(url, namespace) as client:
        if inline:
            _run(name, args)
            return
        message = _message(name, args)
        if queue is not None:
            message = replace(message, queue=queue)
        if delay is not None:
            message = replace(message, at=time.time() + delay)
        client.perform(client.push([message]))
    click.echo(message.id)
    click.echo(f"in queue {message.queue}" if delay is None else f"due in {span(delay)}", err=True)


def _argument(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Misuse(f"expected JSON, got {text!r}; a text has quotes of its own: '{json.dumps(text)}'") from None


def _message(name: str, args: list[Any]) -> Message:
    from shiftboss.engines.sidekiq.function_job import FunctionJob
    from shiftboss.engines.sidekiq.registry import find
    from shiftboss.engines.sidekiq.strict import check_arguments
    from shiftboss.jobs import Message

    definition = find(name)
    if definition is None:
        check_arguments(name, args)
        return Message(name, tuple(args), "default", os.urandom(12).hex(), options={"retry": True})
    return FunctionJob(definition, definition.options).call(*args)


def _run(name: str, args: list[Any]) -> None:
    from shiftboss.engines.sidekiq.function_job import FunctionJob
    from shiftboss.engines.sidekiq.registry import find, registered

    definition = find(name)
    if definition is None:
        known = f"known are {', '.join(sorted(registered()))}" if registered() else "give its module with --require"
        raise Failure(f"no job is called {name!r} here; {known}")
    result: Any = FunctionJob(definition, definition.options).perform_inline(*args)
    if definition.is_async:
        asyncio.run(result)
