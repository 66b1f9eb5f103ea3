"""What a terminal of 80 columns shows of a long line: the column that people come for."""

from __future__ import annotations

import pytest

from shiftboss import Shiftboss
from tests.backends import Backend
from tests.integration.cli.processes import at_terminal, plain, run
from tests.web.filled import IDENTITY, JID, fill

pytestmark = [pytest.mark.backends("embedded"), pytest.mark.own_keys]
COMMANDS = ("retries ls", "dead ls", "failures ls", "processes ls", "processes jobs", "periodic ls")


def shown(backend: Backend, command: str, columns: int) -> list[str]:
    return plain(at_terminal(*command.split(), columns=columns, SHIFTBOSS_URL=backend.url))


@pytest.fixture(autouse=True)
def filled(client: Shiftboss, backend: Backend) -> None:
    fill(backend.raw, client)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_line_fits_into_80_columns(backend: Backend, command: str) -> None:
    lines = shown(backend, command, 80)
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", ["retries ls", "dead ls", "failures ls"])
def test_the_error_is_seen_at_80_columns_and_ids_and_jobs_give_way(backend: Backend, command: str) -> None:
    heading, *lines = shown(backend, command, 80)
    assert heading.endswith("  ERROR")
    (line,) = [line for line in lines if JID[:8] in line]
    assert "SMTPServerDisconnected"[:20] in line
    assert JID not in line
    assert "app.jobs.send_i…" in line


@pytest.mark.parametrize("command", COMMANDS)
def test_nothing_is_cut_where_there_is_room(backend: Backend, command: str) -> None:
    (wide, *_), (piped, *_) = (
        shown(backend, command, 200),
        run(*command.split(), SHIFTBOSS_URL=backend.url).stdout.splitlines(),
    )
    assert wide.split() == piped.split()
    if command.startswith(("retries", "dead", "failures")):
        assert any(JID in line and "app.jobs.send_invoice" in line for line in shown(backend, command, 200))


def test_queues_and_arguments_of_processes_are_seen_at_80_columns(backend: Backend) -> None:
    _, line = shown(backend, "processes ls", 80)
    assert line.startswith(IDENTITY)
    assert line.endswith("  critical mail import")
    _, first, _ = shown(backend, "processes jobs", 80)
    assert first.endswith('  4711, "ada@example.com"')


def test_the_next_tick_is_seen_at_80_columns(backend: Backend) -> None:
    heading, *lines = shown(backend, "periodic ls", 80)
    assert heading.split()[:3] == ["ENTRY", "NEXT", "STATE"]
    assert all(line.split()[3].startswith("+") for line in lines)
    assert [line.split()[0] for line in lines if "paused" in line] == ["cleanup"]
