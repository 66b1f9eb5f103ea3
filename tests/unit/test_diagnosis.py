"""What of a server is remarked on."""

from __future__ import annotations

from typing import Any

import pytest

from shiftboss.diagnosis import ServerFacts


def about(name: str = "Redis", version: str = "7.2.4", **facts: Any) -> list[str]:
    return [remark.about for remark in ServerFacts(name, version, **facts).remarks]


def test_a_server_that_is_set_up_well_is_not_remarked_on() -> None:
    assert about() == []
    assert about("Valkey", "8.1.0", used=79, most=100, skew=-0.9) == []
    assert about("fakeredis", "") == []


@pytest.mark.parametrize("policy", ["allkeys-lru", "volatile-ttl"])
def test_b14_an_eviction_policy_is_named_with_what_to_set(policy: str) -> None:
    (remark,) = ServerFacts("Redis", "7.2.4", policy=policy).remarks
    assert policy in remark.text
    assert "noeviction" in remark.text


@pytest.mark.parametrize(
    ("facts", "named"),
    [
        ({"version": "6.0.20"}, "version"),
        ({"version": "5.0"}, "version"),
        ({"primary": "db1:6379"}, "replica"),
        ({"appends": False}, "persistence"),
        ({"saves_fail": True}, "disk"),
        ({"used": 81, "most": 100}, "memory"),
        ({"skew": 1.5}, "clock"),
        ({"skew": -3600.0}, "clock"),
    ],
)
def test_what_costs_jobs_one_day_is_named(facts: dict[str, Any], named: str) -> None:
    assert about(**facts) == [named]
