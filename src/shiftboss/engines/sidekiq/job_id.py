"""What names a pushed job."""

from __future__ import annotations

from typing import NewType

JobId = NewType("JobId", str)
"""The id of a pushed job: 24 hex digits. A str that only type checkers tell from others; it may be an argument of another job.

Not awaitable: `perform_async` has pushed when it returns it.
"""
