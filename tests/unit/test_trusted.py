"""Which modules callbacks may live in."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from shiftboss import ConfigError, trusted
from shiftboss.batches.callbacks import find
from shiftboss.errors import BatchError
from shiftboss.trusted import trust_modules

Write = Callable[[str, str], None]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Write]:
    """Writes modules that can be imported, by a process that trusts nobody yet."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(trusted, "_trusted", set())
    monkeypatch.setattr(trusted, "_named", set())
    before = set(sys.modules)
    yield lambda name, text: (tmp_path / f"{name}.py").write_text(text) and None
    for name in set(sys.modules) - before:
        if name.startswith("trusted_"):
            del sys.modules[name]


def test_a_string_in_redis_imports_nothing(write: Write) -> None:
    write("trusted_a", "def hear(status, options): ...")
    with pytest.raises(BatchError, match=r"--require trusted_a, or .* callback_modules=\['trusted_a'\]"):
        find("trusted_a:hear")
    assert "trusted_a" not in sys.modules


def test_a_module_that_was_named_is_imported_when_a_callback_is_looked_for(write: Write) -> None:
    write("trusted_b", "def hear(status, options): ...")
    trust_modules(["trusted_b"])
    assert "trusted_b" not in sys.modules
    assert find("trusted_b:hear") is sys.modules["trusted_b"].hear


def test_what_a_named_module_imports_of_its_package_may_hold_callbacks_too(write: Write, tmp_path: Path) -> None:
    (tmp_path / "trusted_c").mkdir()
    write("trusted_c/__init__", "from . import albums")
    write("trusted_c/albums", "def hear(status, options): ...")
    write("trusted_c/other", "raise SystemExit")
    trust_modules(["trusted_c"])
    assert find("trusted_c.albums:hear") is sys.modules["trusted_c.albums"].hear
    with pytest.raises(BatchError, match="has not loaded"):
        find("trusted_c.other:hear")


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        (["trusted_nobody"], "callback module 'trusted_nobody' cannot be imported: there is none of that name"),
        (["trusted_nobody.at_all"], "callback module 'trusted_nobody.at_all' cannot be imported: No module named"),
        ([""], "callback module '' cannot be imported: "),
        ("shop", "expected callback_modules to be names of modules in a list, got 'shop'"),
    ],
)
def test_a_module_that_is_not_there_is_refused_at_once(named: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as raised:
        trust_modules(named)
    assert str(raised.value).startswith(expected)
    assert "\n" not in str(raised.value)


def test_a_named_module_that_breaks_is_the_callbacks_error_and_no_other_ones(write: Write) -> None:
    write("trusted_d", "import trusted_nobody")
    write("trusted_e", "def hear(status, options): ...")
    trust_modules(["trusted_e"])
    find("trusted_e:hear")
    trust_modules(["trusted_d"])
    find("trusted_e:hear")
    with pytest.raises(BatchError, match="cannot be imported here: No module named 'trusted_nobody'"):
        find("trusted_d:hear")
