"""`shiftboss processes`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, Failure, confirm, json_option, yes_option
from shiftboss.cli.connect import connected
from shiftboss.cli.jobs.looking import short
from shiftboss.cli.output import print_done, print_json, print_rows
from shiftboss.text import age, plural, printable, size

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.engines.sidekiq.sets import Process, Work

HEADINGS = ("PROCESS", "STATE", "BUSY", "SLOTS", "MEMORY", "STARTED", "BEAT", "QUEUES")
RIGHT = ("BUSY", "SLOTS", "MEMORY", "STARTED", "BEAT")
SHRINK = {"STARTED": 0, "MEMORY": 0, "PROCESS": 20}
JOB_HEADINGS = ("PROCESS", "FOR", "QUEUE", "ID", "JOB", "ARGUMENTS")
JOB_SHRINK = {"PROCESS": 12, "ID": 9, "JOB": 16}


@click.command("ls", cls=Command)
@json_option
def ls(*, as_json: bool, url: str | None, namespace: str | None) -> None:
    """List worker processes, of Python and of Ruby, by their last heartbeat."""
    from shiftboss.engines.sidekiq.sets import ProcessSet

    with connected(url, namespace) as client:
        found = list(ProcessSet(client=client))
    if as_json:
        for process in found:
            print_json(process.to_dict())
    elif found:
        print_rows(HEADINGS, [_row(process) for process in found], right=RIGHT, shrink=SHRINK)
    else:
        click.echo(f"no worker process is known at {client.server.label}; shiftboss worker starts one", err=True)


@click.command("jobs", cls=Command)
@json_option
def jobs(*, as_json: bool, url: str | None, namespace: str | None) -> None:
    """List the jobs that run, the longest first, by the last heartbeats."""
    from shiftboss.engines.sidekiq.sets import Workers

    with connected(url, namespace) as client:
        found = list(Workers(client=client))
    if as_json:
        for work in found:
            print_json(_to_dict(work))
    elif found:
        print_rows(JOB_HEADINGS, [_job_row(work) for work in found], right=("FOR",), shrink=JOB_SHRINK)
    else:
        click.echo(f"no job runs at {client.server.label}, by the last heartbeats", err=True)


@click.command("quiet", cls=Command)
@click.argument("identities", metavar="PROCESS...", nargs=-1, required=True)
@json_option
def quiet(*, identities: Sequence[str], as_json: bool, url: str | None, namespace: str | None) -> None:
    """Have processes take no more jobs, at their next heartbeat."""
    with connected(url, namespace) as client:
        for process in _find(client, identities):
            process.ask_to_quiet()
            text = f"{process.identity} will take no more jobs"
            print_done(text, {"identity": process.identity, "asked": "quiet"}, as_json=as_json)


@click.command("stop", cls=Command)
@click.argument("identities", metavar="PROCESS...", nargs=-1, required=True)
@yes_option
@json_option
def stop(*, identities: Sequence[str], yes: bool, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Have processes stop, at their next heartbeat."""
    with connected(url, namespace) as client:
        found = _find(client, identities)
        confirm(f"stop {plural(len(found), 'process', 'processes')}?", yes)
        for process in found:
            process.ask_to_stop()
            text = f"{process.identity} will stop"
            print_done(text, {"identity": process.identity, "asked": "stop"}, as_json=as_json)


def _find(client: Shiftboss, identities: Sequence[str]) -> list[Process]:
    from shiftboss.engines.sidekiq.sets import ProcessSet

    processes = ProcessSet(client=client)
    found = []
    for identity in identities:
        process = processes.find(identity)
        if process is None:
            raise Failure(f"no process {identity!r} at {client.server.label}; see shiftboss processes ls")
        found.append(process)
    return found


def _row(process: Process) -> list[str]:
    return [
        printable(process.identity),
        "quiet" if process.quiet else "running",
        f"{process.busy}",
        f"{process.concurrency}",
        size(process.rss_kb * 1000),
        f"{age(process.started_at)} ago",
        f"{age(process.beat)} ago",
        printable(" ".join(process.queues)),
    ]


def _job_row(work: Work) -> list[str]:
    message = work.payload.message if work.payload else None
    return [
        printable(work.process),
        age(work.since),
        printable(work.queue),
        printable(message.id) if message else "",
        printable(message.name) if message else "",
        short(json.dumps(list(message.args))[1:-1]) if message else "",
    ]


def _to_dict(work: Work) -> dict[str, object]:
    message = work.payload.message if work.payload else None
    return {
        "process": work.process,
        "thread": work.thread,
        "queue": work.queue,
        "since": work.since.isoformat(),
        "jid": message.id if message else None,
        "class": message.name if message else None,
        "args": list(message.args) if message else None,
    }
