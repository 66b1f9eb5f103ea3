"""`shiftboss demo`."""

from __future__ import annotations

import sysconfig
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from shiftboss.cli.command import Command, Failure, Misuse
from shiftboss.text import printable

if TYPE_CHECKING:
    from shiftboss.batches import Batch
    from shiftboss.client import Shiftboss

PROCESSES = 2
THREADS = 5
POLL = 0.02


@click.command("demo", cls=Command, redis="The server of a demo. [default: a private one that ends with it]")
@click.argument("path", metavar="[PATH]", required=False, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Where the manifest goes. [default: manifest.json here, or in a temporary directory if here is inside PATH]",
)
def demo(*, path: Path | None, output: Path | None, url: str | None, namespace: str | None) -> None:
    """Hash every regular file below PATH in one batch, and write a manifest when all are done.

    PATH is the standard library of the running Python unless you name another directory. The demo starts a private
    server and two worker processes, which end with it; with --redis it uses that server instead.
    """
    from shiftboss.cli.demo import manifest

    root = check_root(path or Path(sysconfig.get_path("stdlib")))
    place = manifest.choose_place(output, root)
    from shiftboss.cli.demo.server import demo_server

    with demo_server(url, namespace) as (client, server):
        click.echo(f"SHA-256 of every regular file below {printable(str(root))}")
        click.echo(f"{server}, {PROCESSES} worker processes with {THREADS} threads each")
        click.echo()
        _run(client, root, place)


def check_root(path: Path) -> Path:
    """The directory, absolute.

    Raises:
        Misuse: There is none of that name.
    """
    name = printable(str(path))
    try:
        path = path.absolute()
        if not path.is_dir():
            raise Misuse(f"{name} is not a directory" if path.exists() else f"there is no directory {name}")
    except (OSError, ValueError) as error:
        raise Misuse(f"cannot use {name}: {error}") from None
    return path


def _run(client: Shiftboss, root: Path, place: Path) -> None:
    from shiftboss.cli.demo.crew import Crew
    from shiftboss.cli.demo.jobs import QUEUE
    from shiftboss.cli.demo.push import push
    from shiftboss.cli.demo.report import report

    module = "shiftboss.cli.demo.jobs"
    start = time.monotonic()
    with Crew(PROCESSES, ["-r", module, "-q", QUEUE, "-c", str(THREADS), "--log-level", "error"]):
        batch = push(client, root, place)
        batch.join(progress=True)
        outcome = _outcome(client, batch)
    seconds = time.monotonic() - start
    if "error" in outcome:
        raise Failure(f"the manifest could not be written: {outcome['error']}")
    report(outcome, seconds, PROCESSES, batch.bid, place)


def _outcome(client: Shiftboss, batch: Batch) -> dict[str, Any]:
    """What the callback has to say; it runs right after the batch has succeeded."""
    from shiftboss.cli.demo.results import OUTCOME, Results

    results = Results(client, batch.bid)
    while (outcome := results.get([OUTCOME])[0]) is None:
        time.sleep(POLL)
    results.forget()
    return outcome  # type: ignore[no-any-return]
