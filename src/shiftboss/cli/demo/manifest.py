"""The manifest: a JSON file with one line for each file, which appears as a whole or not at all."""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from shiftboss.cli.command import Misuse
from shiftboss.text import printable

NAME = "manifest.json"
MARK = '{"manifest": "shiftboss", "version": 1,'


def choose_place(output: Path | None, root: Path) -> Path:
    """Where the manifest goes: what was asked for, else the current directory, else a new temporary one.

    Args:
        output: What was asked for.
        root: The directory that is hashed; the manifest must not be in it.

    Raises:
        Misuse: It cannot or must not be written there.
    """
    inside = Path.cwd().resolve().is_relative_to(root.resolve())
    if output is None and (inside or not os.access(Path.cwd(), os.W_OK)):
        return check_place(Path(tempfile.mkdtemp(prefix="shiftboss-demo-"), NAME), root)
    return check_place((output or Path(NAME)).absolute(), root)


def check_place(place: Path, root: Path) -> Path:
    """The place, if a manifest may be written there.

    Raises:
        Misuse: Not there.
    """
    name = printable(str(place))
    if place.is_dir():
        raise Misuse(f"{name} is a directory; name the manifest with --output {printable(str(place / NAME))}")
    if not place.parent.is_dir():
        raise Misuse(f"there is no directory {printable(str(place.parent))} to write the manifest to; see --output")
    if place.parent.resolve().is_relative_to(root.resolve()):
        raise Misuse(f"{name} is inside the directory that is hashed; name another place with --output")
    if not os.access(place.parent, os.W_OK):
        raise Misuse(f"nothing can be written to {printable(str(place.parent))}; name another place with --output")
    if not _may_replace(place):
        raise Misuse(f"{name} is there and is no manifest of this demo; name another place with --output")
    return place


def write(place: Path, root: Mapping[str, str], files: Iterable[Any], left_out: Iterable[Any]) -> dict[str, Any]:
    """Write a manifest.

    Args:
        place: Where to.
        root: The directory's name, as fields.
        files: What the jobs found: path, size and sha256, or path, kind and reason.
        left_out: What there was besides files.

    Returns:
        Its totals.

    Raises:
        OSError: It cannot be written.
    """
    if not _may_replace(place):
        raise FileExistsError(f"{place} has come into being, and is no manifest")
    others: list[Any] = []
    count = size = 0
    handle, temporary = tempfile.mkstemp(prefix=f".{NAME}-", dir=place.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as out:
            out.write(f'{MARK}\n{_json(root)[1:-1]},\n"files": [')
            for fact in files:
                if "sha256" not in fact:
                    others.append(fact)
                    continue
                out.write(f"{',' if count else ''}\n{_json(fact)}")
                count, size = count + 1, size + fact["size"]
            others += left_out
            totals = {"files": count, "bytes": size, "left_out": _counted(others)}
            out.write('\n],\n"left_out": [')
            out.write(",".join(f"\n{_json(fact)}" for fact in others))
            out.write(f'\n],\n"totals": {_json(totals)}\n}}\n')
            out.flush()
            os.fsync(out.fileno())
        os.chmod(temporary, 0o666 & ~_umask())  # noqa: PTH101
        os.replace(temporary, place)  # noqa: PTH105
    except BaseException:
        os.unlink(temporary)  # noqa: PTH108
        raise
    return totals


def _counted(facts: Iterable[Any]) -> dict[str, int]:
    kinds: dict[str, int] = {}
    for fact in facts:
        kinds[fact["kind"]] = kinds.get(fact["kind"], 0) + 1
    return kinds


def _may_replace(place: Path) -> bool:
    try:
        if not stat.S_ISREG(place.lstat().st_mode):
            return False
        with place.open("rb") as there:
            return there.read(len(MARK)) == MARK.encode()
    except FileNotFoundError:
        return True
    except OSError:
        return False


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask
