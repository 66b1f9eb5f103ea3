"""The examples in docstrings run as they stand."""

from __future__ import annotations

import doctest
import pkgutil
from collections.abc import Iterator
from importlib import import_module

import pytest

import shiftboss
from shiftboss.engines.sidekiq import registry
from shiftboss.engines.sidekiq.middleware import server_middleware
from shiftboss.periodic import registration

# A program; what doctest cannot look into without a Django project.
NO_EXAMPLES = ("__main__", "contrib.django.apps")


def modules() -> list[str]:
    """Every module of the package that can be imported without running a program."""
    found = pkgutil.walk_packages(shiftboss.__path__, "shiftboss.")
    return [module.name for module in found if not module.name.endswith(NO_EXAMPLES)]


@pytest.fixture(autouse=True)
def nothing_is_left(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Jobs, middleware and periodic entries that examples define are known only while they run."""
    monkeypatch.setattr(registration, "_registered", {})
    before, around = dict(registry._definitions), server_middleware.links
    yield
    server_middleware.links = around
    registry._definitions.clear()
    registry._definitions.update(before)


@pytest.mark.parametrize("name", modules())
def test_the_examples_of_a_module_run(name: str) -> None:
    results = doctest.testmod(import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert results.failed == 0, f"{results.failed} of {results.attempted} examples of {name} fail; see above"
