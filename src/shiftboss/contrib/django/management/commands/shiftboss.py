"""``manage.py shiftboss``: the command line of Shiftboss in a Django that is set up."""

from __future__ import annotations

from typing import Any, NoReturn

from django.core.management.base import BaseCommand

from shiftboss.cli import main


class Command(BaseCommand):
    """Hands everything after its name to ``shiftboss``."""

    help = "Workers, batches, limiters, schedules: as the command shiftboss, with this project's jobs."

    def run_from_argv(self, argv: list[str]) -> NoReturn:
        """Run it; options are Shiftboss' own, not Django's."""
        main(argv[2:])
        raise SystemExit(0)

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002
        """Run it from `call_command`."""
        main([str(arg) for arg in args])
