"""`shiftboss queues`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, Failure, confirm, json_option, yes_option
from shiftboss.cli.connect import connected
from shiftboss.cli.jobs.looking import find, number_option, print_entries
from shiftboss.cli.output import print_done, print_json, print_rows
from shiftboss.text import all_of, plural, printable, span

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.engines.sidekiq.sets import Queue

HEADINGS = ("QUEUE", "JOBS", "LATENCY", "STATE")


@click.command("ls", cls=Command)
@json_option
def ls(*, as_json: bool, url: str | None, namespace: str | None) -> None:
    """List queues: how many jobs wait, how long the oldest has, and whether a worker serves them."""
    from shiftboss.engines.sidekiq.sets import Stats

    with connected(url, namespace) as client:
        found = Stats.read(client=client).queues
    if as_json:
        for queue in found:
            print_json(asdict(queue))
    elif found:
        rows = [
            [
                printable(one.name),
                f"{one.size:,}",
                span(one.latency) if one.size else "",
                "paused" if one.paused else "" if one.workers else "no worker",
            ]
            for one in found
        ]
        print_rows(HEADINGS, rows, right=("JOBS", "LATENCY"))
    else:
        click.echo(f"no queues at {client.server.label}; a queue is there once a job was pushed to it", err=True)


@click.command("show", cls=Command)
@click.argument("name", metavar="QUEUE")
@number_option
@json_option
def show(*, name: str, number: int, as_json: bool, url: str | None, namespace: str | None) -> None:
    """List the jobs of a queue, newest first."""
    with connected(url, namespace) as client:
        (queue,) = _find(client, [name])
        print_entries(queue, number, f"queue {name} is empty", as_json=as_json)


@click.command("pause", cls=Command)
@click.argument("names", metavar="QUEUE...", nargs=-1, required=True)
@json_option
def pause(*, names: Sequence[str], as_json: bool, url: str | None, namespace: str | None) -> None:
    """Stop workers taking jobs from these queues until they are resumed. Jobs that run go on."""
    from shiftboss.engines.sidekiq.sets import Queue

    with connected(url, namespace) as client:
        known = {queue.name for queue in Queue.all(client=client)}
        for queue in [Queue(name, client=client) for name in names]:
            news = queue.pause()
            jobs = "" if queue.name in known else "; it has no jobs yet"
            text = f"queue {queue.name} is paused{'' if news else ' already'}{jobs}"
            print_done(text, {"name": queue.name, "paused": True, "changed": news}, as_json=as_json)


@click.command("resume", cls=Command)
@click.argument("names", metavar="QUEUE...", nargs=-1, required=True)
@json_option
def resume(*, names: Sequence[str], as_json: bool, url: str | None, namespace: str | None) -> None:
    """End a pause."""
    from shiftboss.engines.sidekiq.sets import Queue

    with connected(url, namespace) as client:
        for queue in [Queue(name, client=client) for name in names]:
            news = queue.resume()
            text = f"queue {queue.name} {'is resumed' if news else 'was not paused'}"
            print_done(text, {"name": queue.name, "paused": False, "changed": news}, as_json=as_json)


@click.command("rm", cls=Command)
@click.argument("name", metavar="QUEUE")
@click.argument("jids", metavar="ID...", nargs=-1, required=True)
@yes_option
@json_option
def rm(*, name: str, jids: Sequence[str], yes: bool, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Drop jobs of a queue. A batch goes on waiting for a member that is dropped."""
    with connected(url, namespace) as client:
        (queue,) = _find(client, [name])
        found = find(queue, jids, f"in queue {name}")
        confirm(f"drop {plural(len(found), 'job')}?", yes)
        gone = sum(entry.delete() for entry in found)
    print_done(plural(gone, "job is gone", "jobs are gone"), {"jobs": gone}, as_json=as_json)


@click.command("clear", cls=Command)
@click.argument("names", metavar="QUEUE...", nargs=-1, required=True)
@yes_option
@json_option
def clear(*, names: Sequence[str], yes: bool, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Drop all jobs of queues."""
    with connected(url, namespace) as client:
        found = _find(client, names)
        jobs = all_of(sum(map(len, found)), "job")
        confirm(f"drop {jobs} of {', '.join(names)} at {client.server.label}?", yes)
        gone = sum(queue.clear() for queue in found)
    print_done(plural(gone, "job is gone", "jobs are gone"), {"jobs": gone}, as_json=as_json)


def _find(client: Shiftboss, names: Sequence[str]) -> list[Queue]:
    from shiftboss.engines.sidekiq.sets import Queue

    known = {queue.name: queue for queue in Queue.all(client=client)}
    for name in names:
        if name not in known:
            raise Failure(f"no queue {name!r} at {client.server.label}; see shiftboss queues ls")
    return [known[name] for name in names]
