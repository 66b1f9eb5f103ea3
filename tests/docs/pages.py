"""Reading the documents: their fences, their tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^```([\w-]*)[ \t]*([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Fence:
    """A block of code: its language, what else stands on its first line, its text, and the line where that begins."""

    language: str
    info: str
    text: str
    line: int

    @property
    def file(self) -> str | None:
        """The file that it shows, named by a comment on its first line."""
        named = re.match(r"# (\S+\.py)$", self.text, re.MULTILINE)
        return named.group(1) if named else None


def read(page: str) -> str:
    return (ROOT / "docs" / page).read_text("utf-8")


def fences(page: str) -> list[Fence]:
    text = read(page)
    return [
        Fence(found[1], found[2], found[3], text.count("\n", 0, found.start(3)) + 1) for found in FENCE.finditer(text)
    ]


def section(page: str, heading: str) -> str:
    """What stands below a heading, up to the next one of its level or above."""
    level, text = heading.count("#"), FENCE.sub(lambda fence: "\n" * fence[0].count("\n"), read(page))
    found = re.search(rf"^{re.escape(heading)}$\n(.*?)(?=^#{{1,{level}}} |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading {heading!r}"
    return found[1]


def rows(text: str) -> list[list[str]]:
    """The cells of all tables in a text, without their headings."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    heads = {i for i, line in enumerate(lines[1:]) if set(line) <= set("|-: ")}
    kept = [line for i, line in enumerate(lines) if i not in heads and i - 1 not in heads]
    return [[cell.strip().replace(r"\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in kept]


def names(text: str) -> list[str]:
    """The code in the first cells of all tables in a text: what they are about."""
    return [name for row in rows(text) for name in re.findall(r"`([^`]+)`", row[0])]
