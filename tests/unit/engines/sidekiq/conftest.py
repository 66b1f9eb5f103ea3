"""Jobs that a test defines are gone after it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from shiftboss.engines.sidekiq import registry


@pytest.fixture(autouse=True)
def _registry_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setattr(registry, "_definitions", dict(registry._definitions))
        yield
