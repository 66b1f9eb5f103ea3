"""Finding files and hashing them, whatever they are called and whatever they are."""

from __future__ import annotations

import hashlib
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from shiftboss.cli.demo.hashing import PIECE, hash_of
from shiftboss.cli.demo.names import described, quoted, unquoted
from shiftboss.cli.demo.walk import DIRECTORY, FILE, Found, walk

ODD = [
    b"a b",
    b"new\nline",
    b"quo'te\"",
    b"caf\xe9",
    "ü".encode(),
    b"-rf",
    b"*",
    b"back\\slash",
    b"%41",
    b"\x1b[31m",
    b"\xff\xfe",
]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


@pytest.mark.parametrize("name", ODD)
def test_a_name_comes_back_as_it_was(name: bytes) -> None:
    assert unquoted(quoted(name)) == name
    assert quoted(name).isascii()
    text = described("path", name)
    assert unquoted(text["path_quoted"]) == name if "path_quoted" in text else text["path"].encode() == name


def test_every_file_is_found_in_the_order_of_names(tmp_path: Path) -> None:
    root = os.fsencode(tmp_path)
    (tmp_path / "deep" / "deeper").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "deep" / "deeper" / "f").touch()
    for name in ODD:
        Path(os.fsdecode(root + b"/" + name)).touch()
    assert list(walk(root)) == [Found(name, FILE) for name in [*sorted(ODD), b"deep/deeper/f"]]


def test_what_is_no_file_is_told_and_not_touched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "link").symlink_to("/etc/passwd")
    (tmp_path / "loop").symlink_to(".")
    (tmp_path / "nowhere").symlink_to(os.fsdecode(b"no\xffwhere"))
    os.mkfifo(tmp_path / "fifo")
    monkeypatch.chdir(tmp_path)  # the whole path is too long for a socket
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("sock")
        found = {item.path: (item.kind, item.reason, item.target) for item in walk(os.fsencode(tmp_path))}
    assert found == {
        b"link": ("symbolic link", "not followed", b"/etc/passwd"),
        b"loop": ("symbolic link", "not followed", b"."),
        b"nowhere": ("symbolic link", "not followed", b"no\xffwhere"),
        b"fifo": ("FIFO", "never opened", None),
        b"sock": ("socket", "never opened", None),
    }


def test_a_directory_that_cannot_be_listed_is_told(tmp_path: Path) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as near:  # nobody may not pass through pytest's own directories
        Path(near).chmod(0o755)
        locked = Path(near, "locked")
        locked.mkdir(mode=0)
        with as_nobody():
            assert list(walk(os.fsencode(near))) == [Found(b"locked", DIRECTORY, "cannot be listed: Permission denied")]
        locked.chmod(0o755)
    assert [item.kind for item in walk(os.fsencode(tmp_path / "gone"))] == [DIRECTORY]


@pytest.mark.parametrize("size", [0, 1, PIECE - 1, PIECE, PIECE + 1, 3 * PIECE])
def test_a_file_is_hashed(tmp_path: Path, size: int) -> None:
    data = os.urandom(size)
    (tmp_path / "f").write_bytes(data)
    assert hash_of(os.fsencode(tmp_path / "f")) == (size, hashlib.sha256(data).hexdigest())


def test_what_has_become_no_file_is_an_error(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    (tmp_path / "link").symlink_to("/etc/passwd")
    for name in ("fifo", "link", "."):
        with pytest.raises(OSError, match="no regular file any more"):
            hash_of(os.fsencode(tmp_path / name))
    with pytest.raises(FileNotFoundError):
        hash_of(os.fsencode(tmp_path / "gone"))


def test_an_unreadable_file_is_an_error() -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as near:
        Path(near).chmod(0o755)
        Path(near, "f").touch(mode=0)
        with as_nobody(), pytest.raises(PermissionError):
            hash_of(os.fsencode(Path(near, "f")))
