"""`shiftboss periodic run`."""

from __future__ import annotations

import logging
import signal
import threading
from contextlib import ExitStack

import click

from shiftboss.cli.command import Command, Misuse, require_option
from shiftboss.cli.connect import configured, explained, tell_modules
from shiftboss.cli.logs import log_to_stderr
from shiftboss.cli.numbers import Seconds
from shiftboss.cli.periodic.options import read_schedules
from shiftboss.diagnosis import read_facts
from shiftboss.text import plural


@click.command("run", cls=Command)
@click.argument("files", metavar="FILE...", nargs=-1)
@require_option
@click.option(
    "--lease",
    type=Seconds(1),
    default=15.0,
    show_default=True,
    metavar="SECONDS",
    help="After how long without a sign another process leads.",
)
@click.option("--no-lead", is_flag=True, help="Deploy the schedule, and leave firing it to others.")
def run(
    *,
    files: tuple[str, ...],
    modules: tuple[str, ...],
    lease: float,
    no_lead: bool,
    url: str | None,
    namespace: str | None,
) -> None:
    """Deploy schedules and fire them, if this process leads them, until TERM or INT. Any number of processes may do so."""
    from shiftboss.periodic import Scheduler
    from shiftboss.periodic.schedule import check_jobs

    tell_modules(url, namespace)
    schedules = read_schedules(files, modules)
    if not schedules:
        raise Misuse("nothing to fire; give a schedule file, or --require a module that registers entries")
    client = configured(url, namespace)
    for schedule in schedules:
        check_jobs(schedule, client.engine)
    over = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: over.set())
    with client, explained(client):
        server = read_facts(client)
        log_to_stderr()
        entries = sum(len(schedule.entries) for schedule in schedules)
        log = logging.getLogger("shiftboss.periodic")
        log.info(
            "%s, %s, %s at %s",
            plural(len(schedules), "schedule"),
            plural(entries, "entry", "entries"),
            server,
            client.server.label,
        )
        with ExitStack() as stack:
            for schedule in schedules:
                scheduler = Scheduler(client, schedule, lease=lease, lead=not no_lead)
                scheduler.start()
                stack.callback(scheduler.stop, 5.0)
            over.wait()
