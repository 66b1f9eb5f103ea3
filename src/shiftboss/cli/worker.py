"""`shiftboss worker`."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import click

from shiftboss.cli.command import Command, Misuse, require_option
from shiftboss.cli.config_file import load_config
from shiftboss.cli.connect import explained, tell_modules
from shiftboss.cli.logs import FORMATS, log_to_stderr
from shiftboss.cli.modules import load
from shiftboss.cli.numbers import Seconds, Whole
from shiftboss.cli.periodic.options import read_schedules
from shiftboss.diagnosis import read_facts
from shiftboss.text import plural

if TYPE_CHECKING:
    from shiftboss.client import Shiftboss
    from shiftboss.diagnosis import ServerFacts
    from shiftboss.engines.sidekiq.worker import Worker
    from shiftboss.periodic import Schedule
    from shiftboss.periodic.extension import PeriodicExtension

LEVELS = ("debug", "info", "warning", "error")


def parse_queues(ctx: click.Context, param: click.Parameter, values: Sequence[str]) -> list[str | tuple[str, int]]:
    """Queues from their names, or names and weights: ``critical,6``."""
    queues: list[str | tuple[str, int]] = []
    for value in values:
        name, comma, weight = value.partition(",")
        if not name or (comma and not (weight.isascii() and weight.isdigit() and int(weight) > 0)):
            raise click.BadParameter(
                f"expected a name, or a name and a weight like critical,6, got {value!r}", ctx, param
            )
        queues.append((name, int(weight)) if comma else name)
    return queues


@click.command("worker", cls=Command)
@require_option
@click.option(
    "-q",
    "--queue",
    "queues",
    multiple=True,
    callback=parse_queues,
    metavar="NAME[,WEIGHT]",
    help="A queue to serve; repeat it for more. Without weights they are served strictly in this order. [default: default]",
)
@click.option(
    "-c",
    "--concurrency",
    type=Whole(1, 1000),
    metavar="N",
    default=10,
    show_default=True,
    help="How many jobs run at once.",
)
@click.option(
    "--timeout",
    type=Seconds(0),
    metavar="SECONDS",
    default=25.0,
    show_default=True,
    help="What running jobs are given to end at a stop, before they go back to their queues.",
)
@click.option(
    "--processes",
    type=Whole(1, 256),
    metavar="N",
    default=1,
    show_default=True,
    help="How many processes, each with all these slots, under one that starts anew what dies.",
)
@click.option(
    "--reload", is_flag=True, help="For development: start anew when a Python file below this directory changes."
)
@click.option(
    "--config",
    metavar="FILE",
    is_eager=True,
    expose_value=False,
    callback=load_config,
    help="A YAML file with these options by their long names.",
)
@click.option(
    "--schedule",
    "files",
    multiple=True,
    metavar="FILE",
    help="A schedule to deploy, and to fire if this process leads it; repeat it for more.",
)
@click.option("--no-lead", is_flag=True, help="Never fire: only deploy schedules, and let other processes lead.")
@click.option(
    "--metrics",
    metavar="[HOST:]PORT",
    help="Answer Prometheus there. Of several processes, each has the port after the one before.",
)
@click.option(
    "--log-format",
    type=click.Choice(FORMATS),
    metavar="FORMAT",
    default="text",
    show_default=True,
    help="How: text for people, or json, an object a line, for programs.",
)
@click.option(
    "--log-level",
    type=click.Choice(LEVELS),
    metavar="LEVEL",
    default="info",
    show_default=True,
    help=f"What is logged: {', '.join(LEVELS)}.",
)
def worker(
    *,
    modules: tuple[str, ...],
    queues: list[str | tuple[str, int]],
    concurrency: int,
    timeout: float,
    processes: int,
    reload: bool,
    files: tuple[str, ...],
    no_lead: bool,
    metrics: str | None,
    log_format: str,
    log_level: str,
    url: str | None,
    namespace: str | None,
) -> None:
    """Run the jobs of some queues, until TERM or INT.

    TERM and INT let running jobs end, a second one ends the process at once. TSTP takes no more jobs. USR1 prints the
    stack of every thread.
    """
    number = 0
    if processes > 1 or reload:
        log_to_stderr(log_level, log_format)
        number = _supervise(processes, reload, url)
    from shiftboss.engines.sidekiq.registry import registered
    from shiftboss.engines.sidekiq.worker import Worker

    tell_modules(url, namespace)
    for module in modules:
        load(module)
    if not registered():
        given = f" by {' and '.join(modules)}" if modules else ""
        raise Misuse(
            f"no jobs are registered{given}; give the module that defines them: shiftboss worker --require app.jobs"
        )
    if metrics is not None:
        _show_metrics(metrics, number)
    client, schedules = _client(url, namespace), read_schedules(files, ())
    with client, explained(client):
        runner = Worker(client, queues=queues or ("default",), concurrency=concurrency, timeout=timeout)
        _fire(client, schedules, lead=not no_lead)
        facts = read_facts(client)
        log_to_stderr(log_level, log_format)
        _announce(runner, facts, len(registered()))
        runner.run()


def _show_metrics(where: str, number: int) -> None:
    """Count this process's events, and show them."""
    from shiftboss.metrics import address_of, observe, serve

    host, port = address_of(where)
    observe()
    serve(f"{host}:{port + number}")


def _supervise(processes: int, reload: bool, url: str | None) -> int:
    """Become the parent of the workers, or one of them, before anything of the user's is imported; which one."""
    from shiftboss.config import Settings
    from shiftboss.engines.sidekiq.worker.sources import Sources
    from shiftboss.engines.sidekiq.worker.supervisor import supervise

    where = Settings.load(url=url).url
    if processes > 1 and where.startswith(("fake://", "embedded://")):
        raise Misuse(f"{processes} processes need a Redis that they share, got {where}")
    return supervise(processes, Sources(Path.cwd()).changed if reload else None)


def _client(url: str | None, namespace: str | None) -> Shiftboss:
    """What the command line says, else what the modules have configured, else the environment's."""
    from shiftboss.client import Shiftboss, current_client

    return Shiftboss(url, namespace=namespace) if url or namespace else current_client()


def _fire(client: Shiftboss, schedules: Sequence[Schedule], *, lead: bool) -> None:
    """Have the worker fire schedules, beside those that modules have said: it gives up the lead as soon as it begins to stop.

    Raises:
        ScheduleError: A job that cannot be enqueued without arguments, or is not known here.
    """
    from shiftboss.periodic.schedule import check_jobs

    for schedule in schedules:
        check_jobs(schedule, client.engine)
    cast("PeriodicExtension", client.extensions["periodic"]).fire_in_workers(schedules, lead=lead)


def _announce(runner: Worker, facts: ServerFacts, jobs: int) -> None:
    """Say in the log what begins, and what of the server may cost jobs."""
    log = logging.getLogger("shiftboss.worker")
    log.info(_banner(runner, facts, jobs))
    for remark in facts.remarks:
        # Whether a restart may lose something is a choice, and most who develop have made it.
        if remark.about != "persistence":
            log.warning(remark.text)


def _banner(runner: Worker, facts: ServerFacts, jobs: int) -> str:
    queues = runner.queues
    weights = queues.weights or [None] * len(queues.names)
    named = [name if weight is None else f"{name},{weight}" for name, weight in zip(queues.names, weights, strict=True)]
    return (
        f"{plural(jobs, 'job')}, {plural(len(named), 'queue')} ({' '.join(named)}), {plural(runner.concurrency, 'slot')}, "
        f"{facts} at {runner.client.server.label}"
    )
