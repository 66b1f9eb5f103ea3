"""Groups of commands that are loaded when they are named, and answer a wrong name with the nearest known one."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

import click

from shiftboss.config import nearest
from shiftboss.text import one_line

INTERRUPTED = 130
# What every command takes, and no group; with what stands behind it.
OF_COMMANDS = {"--redis": "URL", "--namespace": "NAME", "--debug": ""}


class Faults(click.ClickException):
    """A file in which several things may be wrong. The message has a line for each."""

    exit_code = 2


class LazyGroup(click.Group):
    """A group whose commands are known by where they are.

    Args:
        lazy: Module, object and one-line help of each command by its name.
    """

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in self._lazy:
            return None
        module, name, _ = self._lazy[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, _, about) in self._lazy.items()])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in self._lazy and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.UsageError(f"unknown command {name!r}; {nearest(name, self._lazy)}", ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            click.echo(ctx.get_help())
            ctx.exit()
        try:
            return super().parse_args(ctx, list(args))
        except click.NoSuchOption as error:
            if error.option_name not in OF_COMMANDS:
                raise
            raise click.UsageError(_behind(error.option_name, ctx, args, self._lazy)) from None


def _behind(option: str, ctx: click.Context, args: Sequence[str], commands: Iterable[str]) -> str:
    """That an option goes after the command, with the line as it should be."""
    at = next((at for at, word in enumerate(args) if word in commands), len(args))
    line = " ".join([ctx.command_path, *(args[at:] or ["COMMAND"]), option, OF_COMMANDS[option]])
    return f"{option} goes after the command: {line.rstrip()}"


class Root(LazyGroup):
    """The outermost group: here every error becomes one line and an exit code."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        **extra: Any,
    ) -> Any:
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            code = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        except click.ClickException as error:
            click.echo(explain(error), err=True)
            code = error.exit_code
        except click.Abort:
            code = INTERRUPTED
        sys.exit(code if isinstance(code, int) else 0)


def explain(error: click.ClickException) -> str:
    """What went wrong in one line, with the way to the help where it was asked wrongly."""
    message = error.format_message()
    if isinstance(error, click.NoSuchOption):
        params = error.ctx.command.get_params(error.ctx) if error.ctx else []
        known = [name for param in params for name in (*param.opts, *param.secondary_opts) if name.startswith("-")]
        message = f"unknown option {error.option_name!r}; {nearest(error.option_name, known)}"
    elif isinstance(error, click.UsageError):
        message = message[:1].lower() + message[1:].rstrip(".")
    context = getattr(error, "ctx", None)
    if context is None:
        # Only faults of a file have a line each; in every other message a line break is part of a value.
        lines = message.split("\n") if isinstance(error, Faults) else [message]
        return "\n".join(one_line(f"shiftboss: {line}") for line in lines)
    if "did you mean" not in message:
        message += f"; see `{context.command_path} --help`"
    return one_line(f"{context.command_path}: {message}")
