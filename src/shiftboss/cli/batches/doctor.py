"""`shiftboss batches doctor`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, confirm, json_option, require_option, yes_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import print_json, print_rows
from shiftboss.text import plural, printable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shiftboss.batches.doctor import Finding
    from shiftboss.client import Shiftboss

HEADINGS = ("BATCH", "WHAT", "DETAIL", "WHAT CAN BE DONE")
REMEDIES = {
    "broken": "--close-broken, or rm",
    "lost": "--bury-lost, or --give-up-lost",
    "orphaned": "wait if they are delivered again, else --bury-lost",
    "callback died": "shiftboss dead retry",
    "untraceable": "on RQ: --require its app",
}
LOST = {"lost", "orphaned"}


@click.command("doctor", cls=Command)
@click.argument("bid", metavar="[BATCH]", required=False)
@click.option(
    "--close-broken", is_flag=True, help="Take broken batches as they are: what never came is not waited for."
)
@click.option("--bury-lost", is_flag=True, help="Count jobs that are nowhere, or whose process is gone, as dead.")
@click.option("--give-up-lost", is_flag=True, help="Count those for nothing, as if never pushed.")
@require_option
@yes_option
@json_option
def doctor(
    *,
    bid: str | None,
    modules: tuple[str, ...],
    close_broken: bool,
    bury_lost: bool,
    give_up_lost: bool,
    yes: bool,
    as_json: bool,
    url: str | None,
    namespace: str | None,
) -> None:
    """Find what will not mend by itself, in one batch or in all. Exits with 1 if something is left.

    It can find jobs on the built-in engine, and on RQ if --require names the module that sets it up.
    """
    from shiftboss.batches.doctor import examine

    if bury_lost and give_up_lost:
        raise click.UsageError("--bury-lost and --give-up-lost exclude one another")
    lost = "bury" if bury_lost else "give up" if give_up_lost else ""
    with connected(url, namespace, modules) as client:
        findings = examine(bid, client=client)
        chosen = [one for one in findings if (one.kind == "broken" and close_broken) or (one.kind in LOST and lost)]
        if chosen:
            confirm(_question(chosen, lost), yes)
            # What is lost first: a batch that is closed then waits for nobody.
            for one in sorted(chosen, key=lambda one: one.kind not in LOST):
                _treat(client, one, lost)
            findings = examine(bid, client=client)
    _print(findings, as_json=as_json)
    sys.exit(1 if findings else 0)


def _question(chosen: Sequence[Finding], lost: str) -> str:
    jobs, broken = sum(len(one.positions) for one in chosen), sum(one.kind == "broken" for one in chosen)
    parts = [f"{lost} {plural(jobs, 'lost job')}"] if jobs else []
    parts += [f"close {plural(broken, 'broken batch', 'broken batches')}"] if broken else []
    return " and ".join(parts) + "?"


def _treat(client: Shiftboss, finding: Finding, lost: str) -> None:
    from shiftboss.batches.doctor import bury, close, give_up

    if finding.kind == "broken":
        close(finding.bid, client=client)
    elif lost == "bury":
        bury(finding.bid, finding.positions, client=client)
    else:
        give_up(finding.bid, finding.positions, client=client)


def _print(findings: Sequence[Finding], *, as_json: bool) -> None:
    if as_json:
        for one in findings:
            print_json(one.to_dict())
    elif findings:
        rows = [[one.bid, one.kind, printable(one.detail), REMEDIES.get(one.kind, "")] for one in findings]
        print_rows(HEADINGS, rows)
    else:
        click.echo("nothing is wrong", err=True)
