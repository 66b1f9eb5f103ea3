"""All batches, in pages."""

from __future__ import annotations

import pytest

from shiftboss.batches import Batch, BatchSet
from shiftboss.store import command
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
