"""`shiftboss batches` as people and programs see it while a batch is worked off."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator

import pytest

from shiftboss import Shiftboss
from shiftboss.batches import Batch
from shiftboss.jobs import Outcome
from tests.backends import Backend
from tests.integration.batches.crew import Crew, Site
from tests.integration.cli.processes import TIMEOUT, at_terminal, plain, running

pytestmark = pytest.mark.backends("embedded")
LONG = "A description that is longer than any line of a terminal is wide, by a good measure"


@pytest.fixture
def site(new_client: Callable[..., Shiftboss]) -> Iterator[Site]:
    """A client whose jobs end as the test says."""
    with new_client(engine=Crew()) as client:
        crew = client.engine
        assert isinstance(crew, Crew)
        yield Site(client, crew)


def batch_of(site: Site, jobs: int, description: str = "") -> Batch:
    batch = Batch(description=description)
    with batch.jobs():
        for _ in range(jobs):
            site.push()
    return batch


def test_json_is_one_line_for_each_change(site: Site, backend: Backend) -> None:
    batch = batch_of(site, 2)
    with running("batches", "watch", batch.bid, "--json", "--redis", backend.url) as watch:
        assert watch.stdout is not None
        seen = [json.loads(watch.stdout.readline())]
        site.end(site.crew.members[0], Outcome.FAILED, keep=True)
        seen.append(json.loads(watch.stdout.readline()))
        site.end_all()
        rest, errors = watch.communicate(timeout=TIMEOUT)
    seen += [json.loads(line) for line in rest.splitlines()]
    assert (watch.returncode, errors) == (0, "")
    assert [(status["done"], status["failing"]) for status in seen[:2]] == [(0, 0), (0, 1)]
    assert (seen[-1]["done"], seen[-1]["state"]) == (2, "succeeded")
    assert {status["bid"] for status in seen} == {batch.bid}


def test_all_open_ones_are_followed_and_those_that_begin_meanwhile(site: Site, backend: Backend) -> None:
    over, first = batch_of(site, 0), batch_of(site, 1, "first")
    with running("batches", "watch", "--redis", backend.url) as watch:
        assert watch.stdout is not None
        assert watch.stdout.readline() == f"{first.bid}  running    0/1  first\n"
        second = batch_of(site, 1, "second")
        assert watch.stdout.readline() == f"{second.bid}  running    0/1  second\n"
        site.end_all(Outcome.DIED)
        rest, _ = watch.communicate(timeout=TIMEOUT)
    assert watch.returncode == 0
    assert sorted(rest.splitlines()) == sorted(
        [f"{first.bid}  dead       0/1  1 dead  first", f"{second.bid}  dead       0/1  1 dead  second"]
    )
    assert over.bid not in rest


def test_a_terminal_shows_bars_that_fit(site: Site, backend: Backend) -> None:
    batch = batch_of(site, 1, LONG)
    site.end_all()
    written = at_terminal("batches", "watch", batch.bid, "--redis", backend.url)
    assert b"\x1b[" in written
    last = [line for line in plain(written) if line][-1]
    assert last.startswith("A description that is lon…")
    assert "1/1" in last
    assert "succeeded" in last
    assert max(map(len, plain(written))) <= 80


def test_a_terminal_shows_a_table_that_fits(site: Site, backend: Backend) -> None:
    batch = batch_of(site, 12_345, LONG)
    site.end(site.crew.members[0], Outcome.FAILED, keep=True)
    site.end(site.crew.members[1], Outcome.DIED)
    written = at_terminal("batches", "ls", "--redis", backend.url)
    assert b"\x1b[31mdead" in written
    heading, line = plain(written)
    assert heading.split() == ["BATCH", "STATE", "DONE", "FAILING", "DEAD", "AGE", "DESCRIPTION"]
    assert line.startswith(f"{batch.bid}  dead   0/12,345        1     1")
    assert line.endswith("…")
    assert len(line) <= 80


def test_no_colours_for_who_wants_none(site: Site, backend: Backend) -> None:
    batch = batch_of(site, 0)
    for words in (["ls"], ["show", batch.bid]):
        written = at_terminal("batches", *words, "--redis", backend.url, NO_COLOR="1")
        assert b"\x1b[3" not in written
        assert batch.bid.encode() in written
