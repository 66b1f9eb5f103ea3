"""`shiftboss enqueue`."""

from __future__ import annotations

import asyncio
import json
import os
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from shiftboss.cli.command import Command, Failure, Misuse, json_option, require_option
from shiftboss.cli.connect import connected, tell_modules
from shiftboss.cli.modules import load
from shiftboss.cli.output import print_json
from shiftboss.config import nearest
from shiftboss.text import span

if TYPE_CHECKING:
    from shiftboss.jobs import Message

NEGATIVE = re.compile(r"-\d+(\.\d+)?([eE][-+]?\d+)?")
UNITS = {"": 1, "s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400}


def parse_delay(ctx: click.Context, param: click.Parameter, text: str | None) -> float | None:
    """Seconds from ``90``, ``30s``, ``5m``, ``2h`` or ``1d``."""
    if text is None:
        return None
    text = text.strip()
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|m|min|h|d)?", text)
    if found is None:
        raise click.BadParameter(f"expected a time like 30s, 5m, 2h or 1d, got {text!r}", ctx, param)
    return float(found[1]) * UNITS[found[2] or ""]


def check_word(ctx: click.Context, param: click.Parameter, name: str | None) -> str | None:
    """A name that a job or a queue can have."""
    from shiftboss.engines.sidekiq.options import WORD, is_word

    if name is not None and not is_word(name):
        raise click.BadParameter(f"expected {WORD}, got {name!r}", ctx, param)
    return name


class Enqueue(Command):
    """A command whose arguments may be negative numbers."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        # What begins with a dash is an option, unless something stands before that; JSON does not mind a space there.
        return super().parse_args(ctx, [f" {word}" if NEGATIVE.fullmatch(word) else word for word in args])


@click.command("enqueue", cls=Enqueue)
@click.argument("name", metavar="NAME", callback=check_word)
@click.argument("arguments", metavar="[JSON]...", nargs=-1)
@require_option
@click.option(
    "-q",
    "--queue",
    metavar="NAME",
    callback=check_word,
    help="Where it goes. [default: what the job says, else default]",
)
@click.option("--in", "delay", metavar="TIME", callback=parse_delay, help="Later: 30s, 5m, 2h, 1d.")
@click.option("--inline", is_flag=True, help="Run it here and now; needs --require.")
@json_option
def enqueue(
    *,
    name: str,
    arguments: Sequence[str],
    modules: Sequence[str],
    queue: str | None,
    delay: float | None,
    inline: bool,
    as_json: bool,
    url: str | None,
    namespace: str | None,
) -> None:
    """Push a job by hand, and print its id.

    A job that a required module defines is checked and pushed with its options; any other name goes to the workers as it
    is, with a warning if modules are required.
    """
    if inline and (delay is not None or queue is not None or as_json):
        raise click.UsageError("--inline runs the job here and now, without --in, --queue and --json")
    tell_modules(url, namespace)
    for module in modules:
        load(module)
    args = [_argument(text) for text in arguments]
    with connected(url, namespace) as client:
        if inline:
            _run(name, args)
            return
        message = _message(name, args, modules)
        if queue is not None:
            message = replace(message, queue=queue)
        if delay is not None:
            message = replace(message, at=time.time() + delay)
        client.perform(client.push([message]))
    if as_json:
        at = None if message.at is None else datetime.fromtimestamp(message.at, UTC).isoformat()
        print_json({"jid": message.id, "queue": message.queue, "at": at})
        return
    click.echo(message.id)
    click.echo(f"in queue {message.queue}" if delay is None else f"due in {span(delay)}", err=True)


def _argument(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Misuse(f"expected JSON, got {text!r}; a text has quotes of its own: '{json.dumps(text)}'") from None


def _message(name: str, args: list[Any], modules: Sequence[str]) -> Message:
    from shiftboss.engines.sidekiq.function_job import FunctionJob
    from shiftboss.engines.sidekiq.registry import find, registered
    from shiftboss.engines.sidekiq.strict import check_arguments
    from shiftboss.jobs import Message

    definition = find(name)
    if definition is None:
        check_arguments(name, args)
        if modules:
            hint = nearest(name, registered()) if registered() else "they define none"
            where = " and ".join(modules)
            click.echo(f"no job is called {name!r} in {where}, so it is pushed as it is; {hint}", err=True)
        return Message(name, tuple(args), "default", os.urandom(12).hex(), options={"retry": True})
    return FunctionJob(definition, definition.options).call(*args)


def _run(name: str, args: list[Any]) -> None:
    from shiftboss.engines.sidekiq.function_job import FunctionJob
    from shiftboss.engines.sidekiq.registry import find, registered

    definition = find(name)
    if definition is None:
        known = f"known are {', '.join(sorted(registered()))}" if registered() else "give its module with --require"
        raise Failure(f"no job is called {name!r} here; {known}")
    job: FunctionJob[..., Any] = FunctionJob(definition, definition.options)
    job.call(*args)  # what is wrong with the arguments is no failure of the job
    try:
        result = job.perform_inline(*args)
        if definition.is_async:
            asyncio.run(result)
    except Exception as error:
        raise Failure(f"{name} failed: {type(error).__name__}: {error}; --debug shows the traceback") from error
