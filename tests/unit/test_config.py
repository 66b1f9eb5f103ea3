"""Settings: where they come from, and what is said of those that cannot be right."""

from __future__ import annotations

import math
from typing import Any

import pytest

from shiftboss.config import Settings, check_known, check_seconds
from shiftboss.errors import ConfigError


def test_defaults() -> None:
    assert Settings.load({}) == Settings(url="redis://localhost:6379/0", namespace="sb", timeout=5.0)


def test_the_first_source_that_says_something_wins() -> None:
    environ = {"REDIS_URL": "redis://third"}
    assert Settings.load(environ).url == "redis://third"
    environ["SHIFTBOSS_URL"] = "redis://second"
    assert Settings.load(environ).url == "redis://second"
    assert Settings.load(environ, url="redis://first").url == "redis://first"
    assert Settings.load(environ, url=None).url == "redis://second", "None says nothing"
    environ["SHIFTBOSS_URL"] = ""
    assert Settings.load(environ).url == "redis://third", "and neither does an empty variable"


def test_each_setting_has_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTBOSS_URL", "redis://h")
    monkeypatch.setenv("SHIFTBOSS_NAMESPACE", "app")
    monkeypatch.setenv("SHIFTBOSS_TIMEOUT", "2.5")
    assert Settings.load() == Settings(url="redis://h", namespace="app", timeout=2.5)
    assert Settings.load(namespace="mine", timeout=1) == Settings(url="redis://h", namespace="mine", timeout=1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"url": "localhost"}, "expected url to be like redis://localhost:6379/0, got 'localhost'"),
        ({"url": 5}, "expected url to be like redis://localhost:6379/0, got 5"),
        ({"namespace": ""}, "expected namespace to be 1 to 64 letters, digits or any of - _ . :, got ''"),
        ({"namespace": "a b"}, "expected namespace to be 1 to 64 letters, digits or any of - _ . :, got 'a b'"),
        ({"namespace": "{a}"}, "expected namespace to be 1 to 64 letters, digits or any of - _ . :, got '{a}'"),
        ({"namespace": "a\n"}, "expected namespace to be 1 to 64 letters, digits or any of - _ . :, got 'a\\n'"),
        (
            {"namespace": "x" * 65},
            f"expected namespace to be 1 to 64 letters, digits or any of - _ . :, got {'x' * 65!r}",
        ),
        ({"namespace": 5}, "expected namespace to be 1 to 64 letters, digits or any of - _ . :, got 5"),
        ({"timeout": 0}, "expected timeout to be a positive number of at most 60 seconds, got 0"),
        ({"timeout": -1}, "expected timeout to be a positive number of at most 60 seconds, got -1"),
        ({"timeout": 61}, "expected timeout to be a positive number of at most 60 seconds, got 61"),
        ({"timeout": math.nan}, "expected timeout to be a positive number of at most 60 seconds, got nan"),
        ({"timeout": math.inf}, "expected timeout to be a positive number of at most 60 seconds, got inf"),
        ({"timeout": True}, "expected timeout to be a positive number of at most 60 seconds, got True"),
        ({"timeout": "5"}, "expected timeout to be a positive number of at most 60 seconds, got '5'"),
        ({"namespcae": "a"}, "unknown setting 'namespcae'; did you mean 'namespace'?"),
        ({"colour": "red"}, "unknown setting 'colour'; known are namespace, skip_invalidated, timeout, url"),
    ],
)
def test_a_setting_that_cannot_be_right(given: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load({}, **given)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("environ", "message"),
    [
        ({"SHIFTBOSS_TIMEOUT": "soon"}, "expected SHIFTBOSS_TIMEOUT to be a number of seconds, got 'soon'"),
        ({"SHIFTBOSS_TIMEOUT": "nan"}, "expected timeout to be a positive number of at most 60 seconds, got nan"),
        ({"REDIS_URL": "here"}, "expected url to be like redis://localhost:6379/0, got 'here'"),
    ],
)
def test_a_variable_that_cannot_be_right(environ: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load(environ)
    assert str(caught.value) == message


def test_a_url_without_a_scheme_does_not_show_its_password() -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.load({}, url="user:secret@localhost:6379")
    assert "secret" not in str(caught.value)


def test_seconds() -> None:
    assert check_seconds("wait", 2) == 2.0
    assert check_seconds("wait", 0, zero=True) == 0.0
    with pytest.raises(ConfigError, match="expected wait to be zero or a positive number of seconds, got -1"):
        check_seconds("wait", -1, zero=True)


def test_known_names_pass() -> None:
    check_known("option", ["a", "b"], {"a", "b", "c"})
