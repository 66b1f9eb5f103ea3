"""All batches, in pages."""

from __future__ import annotations

import pytest

from shiftboss.batches import Batch, BatchSet, calls
from shiftboss.batches.bids import new_bid
from shiftboss.errors import ConfigError
from shiftboss.store import command
from tests.backends import Backend
from tests.integration.batches.crew import Site


def test_newest_first_and_in_pages(site: Site) -> None:
    bids = []
    for _ in range(230):
        batch = Batch()
        with batch.jobs():
            site.push(1)
        bids.append(batch.bid)
    found = list(BatchSet())
    assert {status.bid for status in found} == set(bids)
    created = [status.created_at for status in found]
    assert created == sorted(created, reverse=True)
    assert len(BatchSet()) == 230


def test_many_batches_of_one_shard(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shiftboss.batches.bids.secrets.randbelow", lambda _: 63)
    for _ in range(50):
        with Batch().jobs():
            site.push(1)
    assert len(list(BatchSet())) == 50


def test_filters(site: Site) -> None:
    with Batch(description="Invoices of October", tags=["billing"]).jobs():
        pass
    with Batch(description="Reports", tags=["billing", "monthly"]).jobs():
        site.push(1)
    assert [status.description for status in BatchSet(tag="monthly")] == ["Reports"]
    assert [status.description for status in BatchSet(text="october")] == ["Invoices of October"]
    assert [status.description for status in BatchSet(state="running")] == ["Reports"]
    assert len(list(BatchSet(tag="billing"))) == 2


def test_one_whose_record_has_expired_leaves_the_list(site: Site) -> None:
    batch = Batch()
    with batch.jobs():
        site.push(1)
    site.client.store.run(command("DEL", [batch.keys.record], [], int))
    assert list(BatchSet()) == []
    assert len(BatchSet()) == 0


def test_no_command_scans_the_keyspace(site: Site) -> None:
    site.client.store.run(command("CONFIG", [], ["RESETSTAT"], bytes)) if site.client.server.kind != "fake" else None
    with Batch().jobs():
        site.push(1)
    list(BatchSet())
    if site.client.server.kind != "fake":
        stats = site.client.store.run(command("INFO", [], ["commandstats"], bytes.decode))
        assert "cmdstat_keys" not in stats
        assert "cmdstat_scan" not in stats


@pytest.mark.stress
@pytest.mark.timeout(300)
@pytest.mark.backends("embedded", "redis")
def test_ten_thousand_open_batches_are_listed_in_pages(site: Site, backend: Backend) -> None:
    bids = [new_bid() for _ in range(10_000)]
    for start in range(0, len(bids), 500):
        keys = [site.client.batch_keys(bid) for bid in bids[start : start + 500]]
        opening = [calls.open(k, k.bid, "t", 60_000, 60_000, False, False, ["linger", 60_000]) for k in keys]
        assert set(site.client.store.run_many(opening)) == {"ok"}
    backend.raw.config_resetstat()
    page = BatchSet().page(20)
    stats = backend.raw.info("commandstats")
    assert stats["cmdstat_hgetall"]["calls"] == len(page.statuses) == 20
    found = {status.bid: status.open for status in BatchSet()}
    assert (len(found), len(BatchSet()), set(found.values())) == (10_000, 10_000, {True})
    assert found.keys() == set(bids)
    assert not {"cmdstat_keys", "cmdstat_scan"} & backend.raw.info("commandstats").keys()


def test_pages_go_on_where_the_one_before_ended(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shiftboss.batches.bids.secrets.randbelow", lambda most: 63 if most > 200 else 0)
    for number in range(70):
        with Batch(description=f"number {number}", tags=["even"] if number % 2 == 0 else []).jobs():
            site.push(1)
    every = [status.bid for status in BatchSet()]
    for size in (1, 7, 16, 70, 100):
        seen, before = list[str](), ""
        while True:
            page = BatchSet().page(size, before)
            seen += [status.bid for status in page.statuses]
            before = page.before
            if not before:
                break
        assert seen == every
    page = BatchSet(tag="even").page(10)
    assert [status.tags for status in page.statuses] == [("even",)] * 10
    assert BatchSet(tag="even").page(100, page.before).before == ""
    assert len(BatchSet(tag="even").page(100, page.before).statuses) == 25


def test_batches_made_meanwhile_do_not_move_the_pages(site: Site) -> None:
    for _ in range(30):
        with Batch().jobs():
            site.push(1)
    every = [status.bid for status in BatchSet()]
    page = BatchSet().page(10)
    for _ in range(30):
        with Batch().jobs():
            site.push(1)
    assert [status.bid for status in BatchSet().page(20, page.before).statuses] == every[10:]


def test_a_page_with_a_filter_looks_at_so_many_and_says_where_to_go_on(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shiftboss.batches.sets.LOOKED_AT", 100)
    with Batch(tags=["first"]).jobs():
        pass
    for _ in range(150):
        with Batch().jobs():
            pass
    page = BatchSet(tag="first").page(5)
    assert page.statuses == ()
    page = BatchSet(tag="first").page(5, page.before)
    assert len(page.statuses) == 1


@pytest.mark.parametrize("before", ["now", "1", "1-", "-", "9" * 20 + "-x", "1-x y"])
def test_a_page_from_nowhere_is_refused(site: Site, before: str) -> None:
    with pytest.raises(ConfigError, match="expected before to be what a page said"):
        BatchSet().page(5, before)


@pytest.mark.backends("fake")
@pytest.mark.parametrize("count", [0, -1, 1.5, None, True])
def test_a_page_has_a_number_of_batches(site: Site, count: int) -> None:
    with pytest.raises(ConfigError, match="expected count to be a number of batches, 1 or more, got"):
        BatchSet().page(count)


@pytest.mark.backends("fake")
@pytest.mark.parametrize(
    ("filters", "message"),
    [
        ({"state": "done"}, "expected state to be one of open, running, complete, succeeded, dead, broken, got 'done'"),
        ({"tag": 5}, "expected tag to be a string or None, got 5"),
        ({"text": b"x"}, "expected text to be a string or None, got b'x'"),
    ],
)
def test_a_filter_that_cannot_be_is_refused(site: Site, filters: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        BatchSet(**filters)
