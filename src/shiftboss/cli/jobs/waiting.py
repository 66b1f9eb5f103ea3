"""The commands that `shiftboss retries`, `scheduled` and `dead` have in common. Which set is meant, the group's name says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, confirm, json_option, yes_option
from shiftboss.cli.connect import connected
from shiftboss.cli.jobs.looking import find, number_option, print_entries, print_entry
from shiftboss.cli.output import print_done, print_json
from shiftboss.text import all_of, plural

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.engines.sidekiq.sets import Entry
    from shiftboss.engines.sidekiq.sets.waiting import WaitingSet

JOB = {"retries": "job that waits to run again", "scheduled": "scheduled job", "dead": "dead job"}
JOBS = {"retries": "jobs that wait to run again", "scheduled": "scheduled jobs", "dead": "dead jobs"}


@click.command("ls", cls=Command)
@number_option
@json_option
@click.pass_context
def ls(ctx: click.Context, *, number: int, as_json: bool, url: str | None, namespace: str | None) -> None:
    """List jobs: the next one to run first, of the dead the newest."""
    kind = _kind(ctx)
    with connected(url, namespace) as client:
        none = f"no {JOBS[kind]} at {client.server.label}"
        print_entries(_set(kind, client), number, none, as_json=as_json)


@click.command("show", cls=Command)
@click.argument("jid", metavar="ID")
@json_option
@click.pass_context
def show(ctx: click.Context, *, jid: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Show one job: its arguments, its times, its error."""
    kind = _kind(ctx)
    with connected(url, namespace) as client:
        (entry,) = find(_set(kind, client), [jid], f"among the {JOBS[kind]}")
    if as_json:
        print_json(entry.to_dict())
    else:
        print_entry(entry, "died" if kind == "dead" else "due")


@click.command("retry", cls=Command)
@click.argument("jids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All jobs of this set.")
@yes_option
@json_option
@click.pass_context
def retry(
    ctx: click.Context,
    *,
    jids: Sequence[str],
    everything: bool,
    yes: bool,
    as_json: bool,
    url: str | None,
    namespace: str | None,
) -> None:
    """Put jobs into their queues, now. A job that has failed does not lose a try."""
    kind = _kind(ctx)
    _check(jids, everything)
    with connected(url, namespace) as client:
        jobs = _set(kind, client)
        if everything:
            confirm(f"run {all_of(len(jobs), JOB[kind], JOBS[kind])} now?", yes)
            moved = jobs.retry_all()
        else:
            moved = sum(entry.retry() for entry in find(jobs, jids, f"among the {JOBS[kind]}"))
    text = plural(moved, "job is in its queue", "jobs are in their queues")
    print_done(text, {"jobs": moved}, as_json=as_json)


@click.command("kill", cls=Command)
@click.argument("jids", metavar="[ID]...", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="All jobs of this set.")
@yes_option
@json_option
@click.pass_context
def kill(
    ctx: click.Context,
    *,
    jids: Sequence[str],
    everything: bool,
    yes: bool,
    as_json: bool,
    url: str | None,
    namespace: str | None,
) -> None:
    """Move jobs to the dead."""
    kind = _kind(ctx)
    _check(jids, everything)
    with connected(url, namespace) as client:
        jobs = _set(kind, client)
        found: Sequence[Entry] = [] if everything else find(jobs, jids, f"among the {JOBS[kind]}")
        words = JOB[kind], JOBS[kind]
        confirm(f"kill {all_of(len(jobs), *words) if everything else plural(len(found), *words)}?", yes)
        moved = jobs.kill_all() if everything else sum(entry.kill() for entry in found)
    print_done(plural(moved, "job is dead", "jobs are dead"), {"jobs": moved}, as_json=as_json)


@click.command("rm", cls=Command)
@click.argument("jids", metavar="ID...", nargs=-1, required=True)
@yes_option
@json_option
@click.pass_context
def rm(
    ctx: click.Context, *, jids: Sequence[str], yes: bool, as_json: bool, url: str | None, namespace: str | None
) -> None:
    """Drop jobs. A batch goes on waiting for a member that is dropped."""
    kind = _kind(ctx)
    with connected(url, namespace) as client:
        found = find(_set(kind, client), jids, f"among the {JOBS[kind]}")
        confirm(f"drop {plural(len(found), 'job')}?", yes)
        gone = sum(entry.delete() for entry in found)
    print_done(plural(gone, "job is gone", "jobs are gone"), {"jobs": gone}, as_json=as_json)


@click.command("clear", cls=Command)
@yes_option
@json_option
@click.pass_context
def clear(ctx: click.Context, *, yes: bool, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Drop all jobs of this set."""
    kind = _kind(ctx)
    with connected(url, namespace) as client:
        jobs = _set(kind, client)
        confirm(f"drop {all_of(len(jobs), JOB[kind], JOBS[kind])} at {client.server.label}?", yes)
        gone = jobs.clear()
    print_done(plural(gone, "job is gone", "jobs are gone"), {"jobs": gone}, as_json=as_json)


def _kind(ctx: click.Context) -> str:
    return str(ctx.parent and ctx.parent.command.name)


def _set(kind: str, client: Shiftboss) -> WaitingSet:
    from shiftboss.engines.sidekiq.sets import DeadSet, RetrySet, ScheduledSet

    return {"retries": RetrySet, "scheduled": ScheduledSet, "dead": DeadSet}[kind](client=client)


def _check(jids: Sequence[str], everything: bool) -> None:
    if bool(jids) == everything:
        raise click.UsageError("give the ids of jobs, or --all")
