"""What the documentation site has beyond the pages in `docs`: the examples, and references made of the code itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

from shiftboss.scripts import Header

ROOT = Path(__file__).resolve().parents[2]
# Packages whose public names are the Python reference, in the order in which people meet them.
PACKAGES = {
    "shiftboss": "Jobs, clients, queues and sets",
    "shiftboss.batches": "Batches",
    "shiftboss.limiters": "Limiters",
    "shiftboss.periodic": "Periodic jobs",
    "shiftboss.testing": "Testing",
}
# Files beside the documents to which they link.
BESIDE = ("CONTRIBUTING.md", "CHANGELOG.md", "examples/**/*")


def on_files(files: Files, config: Any) -> Files:
    """Add what is made here."""
    for pattern in BESIDE:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                name = str(path.relative_to(ROOT))
                files.append(File.generated(config, name, content=path.read_text("utf-8")))
    files.append(File.generated(config, "reference/python.md", content="\n".join(python())))
    files.append(File.generated(config, "reference/scripts.md", content="\n".join(scripts())))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Lead links to where the site has what they mean, and leave out what a fence says to the tests."""
    markdown = re.sub(r"^(```\w+) run$", r"\1", markdown, flags=re.MULTILINE)
    if page.file.src_uri.startswith("examples/"):
        return markdown.replace("](../../docs/", "](../../")
    if page.file.src_uri in BESIDE:
        return markdown.replace("](docs/", "](")
    depth = page.file.src_uri.count("/")
    return re.sub(
        rf"\]\({re.escape('../' * (depth + 1))}(?=examples/|CONTRIBUTING|CHANGELOG)", f"]({'../' * depth}", markdown
    )


def python() -> Iterator[str]:
    """The page of what Python code sees, from its docstrings."""
    yield "# Python\n\nAll public names, with what their docstrings say.\n"
    for package, title in PACKAGES.items():
        yield f"## {title}\n\n::: {package}\n    options:\n      members: {_public(package)}\n"


def _public(package: str) -> list[str]:
    from importlib import import_module

    names: list[str] = import_module(package).__all__
    return [name for name in names if not name.startswith("__")]


def scripts() -> Iterator[str]:
    """The page of what runs inside Redis, from the headers of the scripts."""
    yield "# Scripts\n\nEach is one step for everybody who looks: Redis runs nothing else meanwhile. The headers say what they read and write.\n"
    for folder in sorted((ROOT / "lua").iterdir()):
        if folder.name == "lib":
            continue
        yield f"## {folder.name}\n"
        for path in sorted(folder.glob("*.lua")):
            name = f"{folder.name}/{path.stem}"
            header = Header.parse(name, path.read_text("utf-8"))
            yield f"### {name}\n\n{header.summary}\n"
            for title, slots in (("key", header.keys), ("argument", header.argv)):
                if slots:
                    yield f"| {title} | type |\n|---|---|"
                    yield from (f"| {'…' if slot.rest else ''}`{slot.name}` | {slot.type} |" for slot in slots)
                    yield ""
            again = "may be sent twice" if header.resend else "is never sent twice"
            yield f"Returns {header.returns.replace(chr(10), ' ')}. It {again}.\n"
