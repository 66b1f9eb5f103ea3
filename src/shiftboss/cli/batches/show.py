"""`shiftboss batches show`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import STYLES, console, print_json
from shiftboss.text import age, local, one_line, plural, printable, span

if TYPE_CHECKING:
    from shiftboss.batches import Failure, Status

SHOWN = 3


@click.command("show", cls=Command)
@click.argument("bid", metavar="BATCH")
@json_option
def show(*, bid: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Show one batch: how far it is, and what has happened and will."""
    from shiftboss.batches import Batch

    with connected(url, namespace) as client:
        status = Batch.open(bid, client=client).status()
    if as_json:
        print_json(status.to_dict())
    else:
        _print(status)


def _print(status: Status) -> None:
    from rich.text import Text

    facts = [("batch", status.bid), ("state", status.state)]
    facts += [("about", printable(status.description))] if status.description else []
    facts += [("tags", printable(", ".join(status.tags)))] if status.tags else []
    facts += [("jobs", _jobs(status)), ("created", _moment(status.created_at))]
    facts += [
        (event, _moment(moment))
        for event in ("complete", "success", "death", "finished")
        if (moment := getattr(status, f"{event}_at")) is not None
    ]
    facts.append(("expires", f"in {span((status.expires_at - datetime.now(UTC)).total_seconds())} unless used"))
    facts += [("callback", f"{c.event}: {printable(c.target)} ({c.state})") for c in status.callbacks]
    facts += [("awaits", printable(", ".join(status.awaits)))] if status.awaits else []
    if status.invalidated:
        facts.append(("invalid", "jobs that have not started are left out"))
    if status.rate > 0 and status.eta is not None:
        facts.append(("pace", f"{status.rate:,.1f} jobs/s; the rest takes {span(status.eta.total_seconds())}"))
    facts += [("failure", _failure(failure)) for failure in status.failures[:SHOWN]]
    if status.failed > SHOWN:
        facts.append(("", f"{plural(status.failed, 'failed run')} in all; see shiftboss batches failures {status.bid}"))
    if status.broken:
        facts.append(("broken", "a block of it never closed: an exception ended it, or its process is gone"))
    out = console()
    for name, value in facts:
        style = STYLES.get(value, "") if name == "state" else "red" if name == "broken" else ""
        out.print(Text.assemble((f"{name:<10}", "bold"), (value, style)), soft_wrap=True)


def _failure(failure: Failure) -> str:
    return one_line(f"{age(failure.at)} ago, {failure.jid}: {failure.error}: {failure.message}")


def _jobs(status: Status) -> str:
    parts = [f"{status.done:,} of {plural(status.total, 'job')} done ({status.progress:.0%})"]
    parts += [f"{status.failing:,} failing, to be run again"] if status.failing else []
    parts += [f"{status.dead:,} dead"] if status.dead else []
    return ", ".join(parts)


def _moment(moment: datetime) -> str:
    return f"{local(moment)} ({age(moment)} ago)"
