"""The command `shiftboss`. Each sub-command is loaded when it is named, and what it needs with it."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from io import TextIOWrapper


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command line, default that of this process, and exit."""
    from shiftboss.cli.root import cli

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a sign that the terminal lacks is no reason to fail
    cli(arguments, prog_name="shiftboss")
