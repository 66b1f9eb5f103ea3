"""`shiftboss doctor`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from shiftboss.cli.command import Command, json_option, require_option
from shiftboss.cli.connect import connected
from shiftboss.cli.output import print_json, print_rows
from shiftboss.text import plural, printable, size

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    check: str
    state: str
    detail: str


@click.command("doctor", cls=Command)
@require_option
@json_option
def doctor(*, modules: tuple[str, ...], as_json: bool, url: str | None, namespace: str | None) -> None:
    """Look for what is wrong with the server, the workers, the queues, the schedules and the batches.

    Exits with 1 if something is.
    """
    with connected(url, namespace, modules) as client:
        checks = [*_server(client), *_workers(client), *_schedules(client), *_batches(client)]
    if as_json:
        print_json({"checks": [asdict(check) for check in checks]})
    else:
        rows = [(one.check, one.state, printable(one.detail)) for one in checks]
        print_rows(("CHECK", "STATE", "DETAIL"), rows, wrap=True)
    sys.exit(any(one.state != "ok" for one in checks))


def _server(client: Shiftboss) -> Iterator[Check]:
    from shiftboss.diagnosis import read_facts

    facts = read_facts(client)
    yield Check("server", "ok", f"{facts} at {client.server.label}")
    wrong = {remark.about for remark in facts.remarks}
    yield from (Check(remark.about, "warning", remark.text) for remark in facts.remarks)
    if "eviction" not in wrong:
        yield Check("eviction", "ok", "noeviction")
    if "memory" not in wrong:
        used = (
            f"{size(facts.used)} of {size(facts.most)}"
            if facts.most
            else f"{size(facts.used)} used; maxmemory is not set"
        )
        yield Check("memory", "ok", used)
    yield _layout(client)


def _layout(client: Shiftboss) -> Check:
    from shiftboss import keys
    from shiftboss.layout import layout

    there = client.store.run(layout(client))
    if there > keys.LAYOUT:
        text = f"{there}, of a newer release, and this one knows {keys.LAYOUT}: upgrade it"
        return Check("layout", "warning", text)
    return Check("layout", "ok", f"{there}" if there else "no worker has been here")


def _workers(client: Shiftboss) -> Iterator[Check]:
    from shiftboss.engines.sidekiq.sets import Stats

    if client.server.kind == "cluster":
        return
    stats = Stats.read(client=client)
    waits = f"{plural(stats.enqueued, 'job')} enqueued"
    if stats.enqueued and not stats.processes:
        yield Check("workers", "warning", f"{waits}, and no worker of the built-in engine runs: start shiftboss worker")
    else:
        yield Check("workers", "ok", f"{plural(stats.processes, 'process', 'processes')}, {waits}")
    for queue in stats.queues:
        name, jobs = printable(queue.name), plural(queue.size, "job")
        if queue.size and queue.paused:
            yield Check(f"queue {name}", "warning", f"{jobs}, and it is paused: shiftboss queues resume {name}")
        elif queue.size and stats.processes and not queue.workers:
            text = f"{jobs}, and no worker serves it: start shiftboss worker --queue {name}"
            yield Check(f"queue {name}", "warning", text)


def _schedules(client: Shiftboss) -> Iterator[Check]:
    from shiftboss import periodic

    for name in periodic.schedules(client=client):
        leader = periodic.leader(name, client=client)
        if leader is None:
            text = "nobody fires it: start shiftboss worker --schedule, or shiftboss periodic run"
            yield Check(f"schedule {printable(name)}", "warning", text)
        else:
            yield Check(f"schedule {printable(name)}", "ok", f"{leader.owner} fires it")


def _batches(client: Shiftboss) -> Iterator[Check]:
    from shiftboss.batches.doctor import examine

    stuck = {one.bid for one in examine(client=client) if one.kind != "untraceable"}
    if stuck:
        text = f"{plural(len(stuck), 'batch', 'batches')} will not mend alone: see shiftboss batches doctor"
        yield Check("batches", "warning", text)
    else:
        yield Check("batches", "ok", "none is stuck")
