"""What all commands have in common: where Redis is, and how an error is reported."""

from __future__ import annotations

import errno
import traceback
from collections.abc import Callable
from typing import Any, TypeVar

import click

from shiftboss.cli.group import INTERRUPTED, Faults
from shiftboss.errors import ConfigError, EntryNotFound, ScheduleError, ShiftbossError

F = TypeVar("F", bound=Callable[..., Any])
REDIS = "Where Redis is. [default: SHIFTBOSS_URL, REDIS_URL, redis://localhost:6379/0]"
_DEBUG = "shiftboss.cli.debug"


class Failure(click.ClickException):
    """A command that could not do what it was asked. The message is one line and says what to do."""

    exit_code = 1


class Misuse(Failure):
    """A command that was asked for something that cannot be. The message says what can."""

    exit_code = 2


class Command(click.Command):
    """A command with the options that all have. Whatever it raises becomes one line; `--debug` shows the traceback.

    Args:
        redis: What its help says of `--redis`; empty for a command that asks nothing of Redis, which takes the options of a
            server as all do and shows none.
    """

    def __init__(self, *args: Any, redis: str = REDIS, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.params += [_url(redis), _namespace(hidden=not redis), _debug()]

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            ctx.exit(INTERRUPTED)
        except (click.exceptions.Exit, click.Abort, click.UsageError):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise
            if ctx.meta.get(_DEBUG):
                traceback.print_exc()
            raise _failure(error) from None


def json_option(function: F) -> F:
    """Add `--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(function)


def yes_option(function: F) -> F:
    """Add `--yes`."""
    return click.option("--yes", is_flag=True, help="Do not ask.")(function)


def require_option(function: F) -> F:
    """Add `--require`."""
    option = click.option(
        "-r",
        "--require",
        "modules",
        multiple=True,
        metavar="MODULE",
        help="A module that defines jobs; repeat it for more.",
    )
    return option(function)


def confirm(question: str, yes: bool) -> None:
    """Ask before something is lost, unless that was answered already.

    Raises:
        Failure: The answer is no, or there is nobody to ask.
    """
    if yes:
        return
    try:
        agreed = click.confirm(question, err=True)
    except click.Abort:
        click.echo(err=True)
        raise Failure("nothing was done; --yes answers the question") from None
    if not agreed:
        raise Failure("nothing was done")


def _failure(error: Exception) -> click.ClickException:
    if isinstance(error, click.ClickException):
        return error
    if isinstance(error, ScheduleError) and not isinstance(error, EntryNotFound):
        return Faults(str(error))
    if isinstance(error, ShiftbossError):
        return (Misuse if isinstance(error, ConfigError) else Failure)(str(error))
    if isinstance(error, OSError):
        return Failure(str(error))
    return Failure(f"{type(error).__name__}: {error}; this should not happen: see the traceback with --debug")


def _url(about: str) -> click.Option:
    return click.Option(["--redis", "url"], metavar="URL", help=about or REDIS, hidden=not about)


def _namespace(*, hidden: bool) -> click.Option:
    return click.Option(
        ["--namespace"],
        metavar="NAME",
        hidden=hidden,
        help="What the keys of Shiftboss begin with. [default: SHIFTBOSS_NAMESPACE, sb]",
    )


def _debug() -> click.Option:
    return click.Option(
        ["--debug"],
        is_flag=True,
        is_eager=True,
        expose_value=False,
        callback=lambda ctx, _, value: ctx.meta.update({_DEBUG: value}),
        help="Show the traceback of an error.",
    )
