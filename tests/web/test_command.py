"""`shiftboss web`: where it listens, and whom it lets in."""

from __future__ import annotations

import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.backends import Backend
from tests.integration.cli.processes import run
from tests.web.chromium import served

pytestmark = pytest.mark.backends("embedded")


def test_it_shows_the_dashboard_at_a_prefix(backend: Backend) -> None:
    with served(backend.url, "--prefix", "/jobs", "--read-only") as base:
        host = base.removesuffix("/jobs")
        answer = httpx.get(f"{host}/", headers={"X-Forwarded-Prefix": "//evil.example"})
        assert answer.status_code == 200
        assert 'href="/jobs/queues"' in answer.text
        assert "evil" not in answer.text
        assert "read-only" in answer.text
        assert "server" not in answer.headers
        assert httpx.get(f"{host}/", headers={"Host": "evil.example"}).status_code == 400


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.1", "example.com", ""])
def test_another_address_needs_a_login(backend: Backend, host: str) -> None:
    answer = run("web", "--redis", backend.url, "--host", host, "--port", "0")
    assert answer.returncode == 2
    assert "can be reached from elsewhere: set SHIFTBOSS_WEB_AUTH to name:password" in answer.stderr
    assert len(answer.stderr.splitlines()) == 1


def test_a_login_of_a_file(backend: Backend, tmp_path: Path) -> None:
    file = tmp_path / "login"
    file.write_text("# admins\nada:correct horse\n")
    with served(backend.url, "--host", "0.0.0.0", "--login-file", str(file)) as everywhere:
        base = everywhere.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{base}/").status_code == 401
        assert httpx.get(f"{base}/", auth=("ada", "correct horse")).status_code == 200


def test_a_login_of_the_environment(backend: Backend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHIFTBOSS_WEB_AUTH", "ada:correct horse")
    with served(backend.url) as base:
        assert httpx.get(f"{base}/").status_code == 401
        assert httpx.get(f"{base}/", auth=("ada", "correct horse")).status_code == 200


def test_wrong_options_are_told_in_one_line(backend: Backend, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("secret\n")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        for words, said in (
            (("--login-file", str(tmp_path / "none")), "none cannot be read: No such file or directory"),
            (("--login-file", str(wrong)), "expected line 1"),
            (("--prefix", "//evil.example"), "expected --prefix to be a path such as /jobs"),
            (("--prefix", "jobs"), "expected --prefix"),
            (("--port", port), f"nothing can listen on 127.0.0.1:{port}"),
            (("--port", "70000"), "70000"),
        ):
            answer = run("web", "--redis", backend.url, *words)
            assert answer.returncode in {1, 2}
            assert said in answer.stderr
            assert "secret" not in answer.stderr
            assert len(answer.stderr.splitlines()) == 1, answer.stderr


def test_what_is_not_installed_is_told_with_what_to_do(backend: Backend) -> None:
    for missing in ("uvicorn", "starlette", "jinja2"):
        hide = f"import sys; sys.modules[{missing!r}] = None; from shiftboss.cli import main; main()"
        command = [sys.executable, "-c", hide, "web", "--redis", backend.url]
        answer = subprocess.run(command, capture_output=True, text=True, timeout=50, check=False)
        assert answer.returncode == 2
        assert "pip install 'shiftboss[web]'" in answer.stderr
