"""The JSON schema that editors complete from says what the reader takes, and refuses what it refuses by its form."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import pytest
import yaml
from click.testing import CliRunner
from jsonschema import Draft202012Validator

from shiftboss import ScheduleError
from shiftboss.cli.root import cli
from shiftboss.periodic.checking import DEFAULTS, FIELDS
from shiftboss.periodic.reading import TOP, read
from tests.unit.periodic.test_schedule import GOOD

SCHEMA: dict[str, Any] = json.loads((files("shiftboss.periodic") / "schedule.schema.json").read_text())
VALID = Draft202012Validator(SCHEMA)

GOOD_FILES = [
    GOOD,
    "jobs: {}",
    "jobs:\n  a: {job: J, every: 1.5, retry: false, dead: true, tags: [x]}",
    "jobs:\n  a: {job: J, every: 5min}\n  b: {job: J, every: 1h 30min, retry: 0}",
    "defaults: {retry: 3, overlap: skip, timeout: 1h 30m}\njobs:\n  a.b:c_d-e: {job: J, cron: '@daily'}",
]
BAD_FILES = [
    "- a",
    "jobs: 5",
    "job: {}",
    "schedule: a b\njobs: {}",
    "defaults: {cron: '* * * * *'}\njobs: {}",
    "jobs:\n  a: {every: 5}",
    "jobs:\n  a: {job: J}",
    "jobs:\n  a: {job: J, every: 5, cron: '* * * * *'}",
    "jobs:\n  a: {job: J, every: soon}",
    "jobs:\n  a: {job: J, every: -1}",
    "jobs:\n  a: {job: J, every: 5, overlap: no}",
    "jobs:\n  a: {job: J, every: 5, catch_up: two}",
    "jobs:\n  a: {job: J, every: 5, enabled: 1}",
    "jobs:\n  a: {job: J, every: 5, queue: 7}",
    "jobs:\n  a: {job: J, every: 5, queue: ' '}",
    "jobs:\n  a: {job: J, every: 5, queue: 'critical,6'}",
    "jobs:\n  a: {job: J, every: 5, retry_queue: 'a b'}",
    "jobs:\n  a: {job: J, every: 5, args: [1]}",
    "jobs:\n  'a b': {job: J, every: 5}",
    "jobs:\n  a: {}",
    "jobs:\n  a:",
    "jobs:\n  a: {job: J, every: 5, retry: lots}",
    "jobs:\n  a: {job: J, every: 5, retry: -3}",
    "jobs:\n  a: {job: J, every: 5, dead: maybe}",
    "jobs:\n  a: {job: J, every: 5, tags: 5}",
    "jobs:\n  a: {job: J, every: 5, tags: [5]}",
    "jobs:\n  a: {job: J, every: 5, retry_queue: 7}",
    "defaults: {retry: lots}\njobs: {}",
]


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(SCHEMA)


def test_it_knows_the_keys_that_the_reader_knows() -> None:
    top = SCHEMA["properties"]
    assert set(top) == set(TOP)
    assert set(top["defaults"]["properties"]) == set(DEFAULTS)
    assert set(SCHEMA["$defs"]["entry"]["properties"]) == set(FIELDS)


@pytest.mark.parametrize("text", GOOD_FILES)
def test_what_the_reader_takes_it_takes(text: str) -> None:
    read(text)
    assert [error.message for error in VALID.iter_errors(yaml.safe_load(text))] == []


@pytest.mark.parametrize("text", BAD_FILES)
def test_what_the_reader_refuses_by_its_form_it_refuses(text: str) -> None:
    with pytest.raises(ScheduleError):
        read(text)
    assert not VALID.is_valid(yaml.safe_load(text))


def test_the_command_prints_it() -> None:
    shown = CliRunner().invoke(cli, ["periodic", "schema"])
    assert (shown.exit_code, json.loads(shown.stdout)) == (0, SCHEMA)
