from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from shiftboss.testing import Sandbox, fake
from tests.unit.testing import jobs


@pytest.fixture
def noted(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What jobs noted; none are broken."""
    monkeypatch.setattr(jobs, "noted", [])
    monkeypatch.setattr(jobs, "broken", False)
    return jobs.noted


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with fake() as sandbox:
        yield sandbox
