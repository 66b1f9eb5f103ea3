"""What the demo says at its end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from shiftboss.cli.demo.jobs import AT_ONCE
from shiftboss.cli.demo.walk import DIRECTORY, FILE
from shiftboss.text import plural, printable, size

_LEFT_OUT = {
    FILE: ("unreadable file", "unreadable files"),
    DIRECTORY: ("directory that cannot be listed", "directories that cannot be listed"),
}
NEXT = (
    ("examples/manifest", "this program as you would write it; in the repository"),
    ("shiftboss worker --help", "workers for your own jobs, on your own Redis"),
    ("shiftboss batches watch", "your batches, live"),
)


def report(totals: dict[str, Any], seconds: float, processes: int, bid: str, place: Path) -> None:
    """Print it."""
    jobs = totals["files"] + totals["left_out"].get(FILE, 0)
    click.echo()
    click.echo(f"{plural(totals['files'], 'file')}, {size(totals['bytes'])}, hashed in {seconds:.1f} s, all included:")
    where = plural(processes, "worker process", "worker processes")
    click.echo(f"{jobs / seconds:,.0f} jobs per second, one per file, in {where};")
    click.echo(f"at most {AT_ONCE} files at once in all of them together, by a limiter.")
    click.echo()
    click.echo(f"The success callback of batch {bid} wrote the manifest:")
    click.echo(f"  {printable(str(place))}")
    if totals["left_out"]:
        kinds = [plural(count, *_LEFT_OUT.get(kind, (kind, ""))) for kind, count in totals["left_out"].items()]
        click.echo("Left out, with the reason in the manifest:")
        click.echo(f"  {', '.join(kinds)}")
    click.echo()
    click.echo("Next:")
    for what, why in NEXT:
        click.echo(f"  {what:<25}{why}")
