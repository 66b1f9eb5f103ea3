"""``after_commit=True``: pushing when the database transaction that is open has been committed."""

from __future__ import annotations

from collections.abc import Callable

from shiftboss.errors import ConfigError

Later = Callable[[Callable[[], object]], object]
_later: Later | None = None


def push_after_commits_of(later: Later) -> None:
    """Say how something is done after the open transaction has been committed, or at once if none is open.

    Args:
        later: Is given what to do, such as ``django.db.transaction.on_commit``.
    """
    global _later
    _later = later


def after_commit(name: str, push: Callable[[], object]) -> None:
    """Push when the open transaction has been committed.

    Raises:
        ConfigError: Nobody has said how.
    """
    if _later is None:
        raise ConfigError(
            f"{name}: after_commit=True needs to know the database; with Django, add 'shiftboss.contrib.django' to "
            "INSTALLED_APPS, else call push_after_commits_of()"
        )
    _later(push)
