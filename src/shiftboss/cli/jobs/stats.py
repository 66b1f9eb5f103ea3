"""`shiftboss stats`."""

from __future__ import annotations

import click

from shiftboss.cli.command import Command, confirm, json_option, yes_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import console, print_done, print_json
from shiftboss.text import plural


@click.command("stats", cls=Command)
@click.argument("action", type=click.Choice(["reset"]), required=False, metavar="[reset]")
@yes_option
@json_option
def stats(*, action: str | None, yes: bool, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Show how much there is of everything; `reset` sets the counts of runs back to 0."""
    from shiftboss.engines.sidekiq.sets import Stats

    with connected(url, namespace) as client:
        now = Stats.read(client=client)
        if action == "reset":
            runs = f"{plural(now.processed, 'run')}, {now.failed:,} failed"
            confirm(f"set the counts at {client.server.label} ({runs}) back to 0?", yes)
            Stats.reset(client=client)
            print_done("the counts are 0", {"processed": now.processed, "failed": now.failed}, as_json=as_json)
            return
    if as_json:
        print_json(now.to_dict())
        return
    from rich.text import Text

    out = console()
    names = ("processed", "failed", "busy", "enqueued", "retries", "scheduled", "dead", "processes")
    for name in names:
        out.print(Text.assemble((f"{name:<10}", "bold"), f"{getattr(now, name):,}"))
