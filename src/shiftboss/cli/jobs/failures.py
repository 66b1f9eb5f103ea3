"""`shiftboss failures`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, Failure, confirm, json_option, yes_option
from shiftboss.cli.connect import connected
from shiftboss.cli.jobs.looking import number_option, short
from shiftboss.cli.output import console, print_done, print_json, print_rows
from shiftboss.text import age, local, plural, printable

if TYPE_CHECKING:
    from shiftboss.engines.sidekiq.sets import FailedRun

HEADINGS = ("AGO", "ID", "JOB", "QUEUE", "ATTEMPT", "HOST", "BECAME", "ERROR")
SHRINK = {"HOST": 0, "JOB": 16, "ID": 9}
MOST = 1_000


@click.command("ls", cls=Command)
@number_option
@json_option
def ls(*, number: int, as_json: bool, url: str | None, namespace: str | None) -> None:
    """List failed runs, newest first. The newest 1,000 are kept."""
    from shiftboss.engines.sidekiq.sets import Failures

    with connected(url, namespace) as client:
        found = Failures(client=client).page(0, number or MOST)
    if as_json:
        for failure in found:
            print_json(failure.to_dict())
    elif found:
        print_rows(HEADINGS, [_row(failure) for failure in found], right=("AGO", "ATTEMPT"), shrink=SHRINK)
    else:
        click.echo(f"no run has failed at {client.server.label}", err=True)


@click.command("show", cls=Command)
@click.argument("jid", metavar="ID")
@json_option
def show(*, jid: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Show the newest failed run of a job, with its backtrace."""
    from shiftboss.engines.sidekiq.sets import Failures

    with connected(url, namespace) as client:
        failure = next((one for one in Failures(client=client) if one.jid == jid), None)
    if failure is None:
        raise Failure(f"no failed run of a job {jid!r} is kept at {client.server.label}")
    if as_json:
        print_json(failure.to_dict())
    else:
        _print(failure)


@click.command("clear", cls=Command)
@yes_option
@json_option
def clear(*, yes: bool, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Forget failed runs. Nothing happens to their jobs."""
    from shiftboss.engines.sidekiq.sets import Failures

    with connected(url, namespace) as client:
        failures = Failures(client=client)
        kept = len(failures)
        confirm(f"forget {plural(kept, 'failed run')} at {client.server.label}?", yes)
        failures.clear()
    print_done("failed runs are forgotten", {"failures": kept}, as_json=as_json)


def _row(failure: FailedRun) -> list[str]:
    return [
        age(failure.at),
        printable(failure.jid),
        printable(failure.name),
        printable(failure.queue),
        f"{failure.attempt + 1}",
        printable(failure.host),
        failure.became,
        short(f"{failure.error}: {failure.message}"),
    ]


def _print(failure: FailedRun) -> None:
    from rich.text import Text

    facts = [
        ("id", failure.jid),
        ("job", failure.name),
        ("queue", failure.queue),
        ("attempt", f"{failure.attempt + 1}"),
    ]
    facts += [("when", f"{local(failure.at)} ({age(failure.at)} ago)"), ("host", failure.host)]
    facts += [("became", failure.became), ("error", f"{failure.error}: {failure.message}")]
    facts += [("at", frame) for frame in failure.backtrace]
    out = console()
    for name, value in facts:
        out.print(Text.assemble((f"{name:<10}", "bold"), printable(value)), soft_wrap=True)
