"""What empty pages tell people to write."""

from __future__ import annotations

import html
import re
from importlib.resources import files
from itertools import count

import pytest

from shiftboss import Shiftboss, job, limiters
from shiftboss.batches import Batch, BatchSet
from shiftboss.batches.callbacks import EVENTS

PRE = re.compile(r"<pre>([^{}]*?)</pre>")
EXAMPLES = [
    (page.name, html.unescape(text))
    for page in sorted(files("shiftboss.web").joinpath("templates").iterdir(), key=lambda page: page.name)
    for text in PRE.findall(page.read_text())
]
PYTHON = [(page, text) for page, text in EXAMPLES if not text.startswith("shiftboss ")]
_numbers = count()


@job(name="examples.load")
def load(row: int) -> None: ...


@job(name="examples.notify")
def notify(bid: str, options: object) -> None: ...


@pytest.mark.parametrize(("page", "text"), PYTHON, ids=[page for page, _ in PYTHON])
def test_python_of_an_empty_page_runs(page: str, text: str) -> None:
    known = {"Batch": Batch, "limiters": limiters, "load": load, "notify": notify, "rows": [1, 2]}
    with Shiftboss(f"fake://examples-{next(_numbers)}"):
        exec(compile(text, page, "exec"), known)
        if "Batch" in text:
            (status,) = BatchSet()
            assert (status.total, status.description) == (2, "Nightly import")
            assert {one.event for one in status.callbacks} <= set(EVENTS)


def test_there_are_examples_of_batches_and_of_limiters() -> None:
    assert {page for page, _ in PYTHON} >= {"batches.html", "overview.html", "limiters.html"}


def test_a_schedule_is_called_what_the_documents_call_it() -> None:
    assert [text for _, text in EXAMPLES if "schedule" in text] == [
        "shiftboss worker --require app.jobs --schedule schedule.yml"
    ]
