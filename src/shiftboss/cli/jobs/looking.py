"""Jobs as the commands find and print them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Failure
from shiftboss.cli.numbers import Whole
from shiftboss.cli.output import console, print_json, print_rows
from shiftboss.text import age, local, one_line, plural, printable, span

if TYPE_CHECKING:
    from shiftboss.engines.sidekiq.sets import Entry
    from shiftboss.engines.sidekiq.sets.place import Place

HEADINGS = ("ID", "WHEN", "QUEUE", "JOB", "ARGUMENTS", "ATTEMPTS", "ERROR")
SHRINK = {"ARGUMENTS": 0, "JOB": 16, "ID": 9}
# What a line has room for; `show` and --json have all of it.
LONGEST = 60

number_option = click.option(
    "-n", "--number", type=Whole(0), default=20, show_default=True, help="How many at most; 0: all of them."
)


def find(place: Place, jids: Iterable[str], where: str) -> list[Entry]:
    """The jobs of these ids.

    Raises:
        Failure: One is not there.
    """
    found = []
    for jid in jids:
        entry = place.find(jid)
        if entry is None:
            raise Failure(f"no job {jid!r} {where} at {place.client.server.label}")
        found.append(entry)
    return found


def print_entries(entries: Iterable[Entry], number: int, none: str, *, as_json: bool) -> None:
    """Jobs as lines; `none` says that there are none."""
    found = iter(entries)
    shown = list(islice(found, number or None))
    if as_json:
        for entry in shown:
            print_json(entry.to_dict())
        return
    if not shown:
        click.echo(none, err=True)
        return
    print_rows(HEADINGS, [_row(entry) for entry in shown], right=("ATTEMPTS",), shrink=SHRINK)
    if next(found, None) is not None:
        click.echo(f"the first {plural(len(shown), 'job')}; more with -n", err=True)


def print_entry(entry: Entry, at: str) -> None:
    """All that is known of a job; `at` says what the time is by which its set has it."""
    from rich.text import Text

    facts = [("id", entry.jid), ("job", printable(entry.name)), ("queue", printable(entry.queue))]
    facts += [("argument", printable(json.dumps(value))) for value in entry.args]
    facts += [("batch", entry.bid)] if entry.bid else []
    facts += [(when, _moment(moment)) for when, moment in _times(entry, at) if moment is not None]
    if entry.retry_count is not None:
        facts.append(("attempts", f"{entry.retry_count + 1}"))
        facts.append(("error", one_line(f"{entry.error_class}: {entry.error_message}")))
    facts += [("option", printable(f"{name}: {json.dumps(value)}")) for name, value in entry.options.items()]
    if entry.payload is None:
        facts = [("payload", printable(entry.raw.decode("utf-8", "backslashreplace")))]
    out = console()
    for name, value in facts:
        out.print(Text.assemble((f"{name:<10}", "bold"), value), soft_wrap=True)


def until(moment: datetime) -> str:
    """How far away a moment is."""
    seconds = (moment - datetime.now(UTC)).total_seconds()
    return f"in {span(seconds)}" if seconds >= 0 else f"{span(-seconds)} ago"


def short(text: str) -> str:
    """As much of it as a line has room for."""
    text = one_line(text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def _row(entry: Entry) -> list[str]:
    if entry.payload is None:
        return ["", "", "", "", short(repr(entry.raw)[2:-1]), "", "cannot be read"]
    failed = entry.retry_count is not None
    when = entry.at or entry.enqueued_at
    return [
        printable(entry.jid),
        until(when) if when else "",
        printable(entry.queue),
        printable(entry.name),
        short(json.dumps(list(entry.args))[1:-1]),
        f"{(entry.retry_count or 0) + 1}" if failed else "",
        short(f"{entry.error_class}: {entry.error_message}") if failed else "",
    ]


def _times(entry: Entry, at: str) -> list[tuple[str, datetime | None]]:
    return [
        ("created", entry.created_at),
        ("enqueued", entry.enqueued_at),
        ("failed", entry.failed_at),
        (at, entry.at),
    ]


def _moment(moment: datetime) -> str:
    past = moment <= datetime.now(UTC)
    return f"{local(moment)} ({age(moment)} ago)" if past else f"{local(moment)} ({until(moment)})"
