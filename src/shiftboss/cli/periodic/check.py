"""`shiftboss periodic check`."""

from __future__ import annotations

from dataclasses import asdict

import click

from shiftboss.cli.command import Command, json_option, require_option
from shiftboss.cli.connect import configured, tell_modules
from shiftboss.cli.output import print_json
from shiftboss.cli.periodic.options import read_schedules
from shiftboss.text import local, plural


@click.command("check", cls=Command, redis="")
@click.argument("file", metavar="FILE")
@require_option
@json_option
def check(*, file: str, modules: tuple[str, ...], as_json: bool, url: str | None, namespace: str | None) -> None:
    """Check a schedule file, without Redis: everything that is wrong, a line for each. With --require its jobs too."""
    from shiftboss.periodic import ScheduleError, upcoming
    from shiftboss.periodic.schedule import check_jobs

    tell_modules(url, namespace)
    try:
        schedule = read_schedules([file], modules)[0]
        if modules:
            check_jobs(schedule, configured(url, namespace).engine)
    except ScheduleError as error:
        if as_json:
            for mistake in error.mistakes:
                print_json(asdict(mistake))
        raise
    if as_json:
        for entry in schedule.entries:
            print_json({"name": entry.name, "next": [at.isoformat() for at in upcoming(entry, 5)]})
        return
    for entry in schedule.entries:
        if entry.parsed is not None and entry.parsed.restricts_both_days:
            times = ", ".join(local(at) for at in upcoming(entry, 5))
            click.echo(f"{entry.name}: fires on either of its days, of the month or of the week: {times}", err=True)
    click.echo(f"schedule {schedule.name!r} is fine: {plural(len(schedule.entries), 'entry', 'entries')}")
