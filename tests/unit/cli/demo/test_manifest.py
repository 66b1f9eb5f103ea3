"""Where a manifest may go, and what is in it."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from shiftboss.cli.command import Misuse
from shiftboss.cli.demo import manifest

FILES = [
    {"path": "a", "size": 3, "sha256": "00"},
    {"path": "b", "kind": "file", "reason": "Permission denied"},
    {"path": "c\n", "size": 4, "sha256": "01"},
]
LINK = {"path": "l", "kind": "symbolic link", "reason": "not followed"}


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "root").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "root"


def test_it_holds_what_the_jobs_found(tmp_path: Path) -> None:
    place = tmp_path / "m.json"
    totals = manifest.write(place, {"root": "/r"}, FILES, [LINK])
    assert totals == {"files": 2, "bytes": 7, "left_out": {"file": 1, "symbolic link": 1}}
    assert json.loads(place.read_text()) == {
        "manifest": "shiftboss",
        "version": 1,
        "root": "/r",
        "files": [FILES[0], FILES[2]],
        "left_out": [FILES[1], LINK],
        "totals": totals,
    }
    mask = os.umask(0)
    os.umask(mask)
    assert place.stat().st_mode & 0o777 == 0o666 & ~mask


def test_an_empty_one_is_json_too(tmp_path: Path) -> None:
    place = tmp_path / "m.json"
    manifest.write(place, {"root": "/r"}, [], [])
    assert json.loads(place.read_text())["totals"] == {"files": 0, "bytes": 0, "left_out": {}}


def test_one_manifest_replaces_another(tmp_path: Path) -> None:
    place = tmp_path / "m.json"
    manifest.write(place, {"root": "/r"}, FILES, [])
    manifest.write(place, {"root": "/s"}, [], [])
    assert json.loads(place.read_text())["root"] == "/s"
    assert list(tmp_path.iterdir()) == [place]


def test_a_manifest_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def files() -> object:
        yield FILES[0]
        raise RuntimeError("gone")

    with pytest.raises(RuntimeError):
        manifest.write(tmp_path / "m.json", {"root": "/r"}, files(), [])  # type: ignore[arg-type]
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_manifest_is_not_replaced(tmp_path: Path, root: Path) -> None:
    other = tmp_path / "here" / "manifest.json"
    for text in ("", "{}", '{"name": "my web app"}'):
        other.write_text(text)
        for place in (None, other, Path("manifest.json")):
            with pytest.raises(Misuse, match="is no manifest of this demo; name another place with --output"):
                manifest.choose_place(place, root)
        with pytest.raises(FileExistsError):
            manifest.write(other, {"root": "/r"}, [], [])
        assert other.read_text() == text


def test_it_goes_here(tmp_path: Path, root: Path) -> None:
    assert manifest.choose_place(None, root) == tmp_path / "here" / "manifest.json"


def test_it_goes_elsewhere_if_here_is_inside(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for inside in (root, root / "deeper"):
        inside.mkdir(exist_ok=True)
        monkeypatch.chdir(inside)
        place = manifest.choose_place(None, root)
        assert not place.is_relative_to(root)
        assert place.name == "manifest.json"
        place.parent.rmdir()


def test_places_that_cannot_be(tmp_path: Path, root: Path) -> None:
    (tmp_path / "way-in").symlink_to(root)
    os.mkfifo(tmp_path / "fifo")
    for place, words in (
        (root / "m.json", "is inside"),
        (tmp_path / "way-in" / "m.json", "is inside"),
        (Path("..", "root", "m.json"), "is inside"),
        (tmp_path, "is a directory"),
        (tmp_path / "nowhere" / "m.json", "there is no directory"),
        (tmp_path / "fifo", "is no manifest"),
    ):
        with pytest.raises(Misuse, match=words):
            manifest.choose_place(place, root)
    with pytest.raises(Misuse, match="is inside"):
        manifest.choose_place(None, Path("/"))
