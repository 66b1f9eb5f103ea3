"""`shiftboss periodic pause|resume|run-now|ls|history`, with a fake server in this process."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result

from shiftboss import Shiftboss, periodic

Run = Callable[..., Result]


@pytest.fixture
def nightly(url: str) -> str:
    """An entry of the default schedule."""
    with Shiftboss(url) as client:
        periodic.put("nightly", job="app.jobs.report", cron="0 3 * * *", description="Totals", client=client)
    return "nightly"


def test_what_is_changed_is_told_to_programs(shiftboss: Run, url: str, nightly: str) -> None:
    def told(*words: str) -> object:
        done = shiftboss("periodic", *words, "--json", "--redis", url)
        assert (done.exit_code, done.stderr) == (0, "")
        return json.loads(done.stdout)

    assert told("pause", nightly) == {"name": nightly, "paused": True}
    assert told("resume", nightly) == {"name": nightly, "paused": False}
    assert len(told("run-now", nightly)["jid"]) == 24
    assert told("history", nightly)["outcome"] == "run now"


def test_entries_are_listed_with_their_jobs_last(shiftboss: Run, url: str, nightly: str) -> None:
    heading, line = shiftboss("periodic", "ls", "--redis", url).stdout.splitlines()
    assert heading.split() == ["ENTRY", "NEXT", "WHEN", "ZONE", "SOURCE", "DESCRIPTION", "JOB"]
    assert line.endswith("Totals       app.jobs.report")
