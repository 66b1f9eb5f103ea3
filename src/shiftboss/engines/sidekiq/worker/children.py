"""Ending the child processes of jobs that fork, which are no workers."""

from __future__ import annotations

import os
import sys
import traceback
from contextlib import suppress


def end_child(parent: int, error: BaseException | None = None) -> None:
    """End this process as a program ends, if it is not the one in which the job began.

    Without the worker's other threads it would run jobs a second time that its parent has, too, and then wait for ever.

    Args:
        parent: The process in which the job began.
        error: What the job raised.
    """
    if os.getpid() == parent:
        return
    code: object = 0
    with suppress(Exception):  # whatever becomes of the output, nobody may go on from here
        if isinstance(error, SystemExit):
            code = error.code or 0
        elif error is not None:
            code = 1
            traceback.print_exception(error)
        if not isinstance(code, int):
            sys.stderr.write(f"{code}\n")
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)
