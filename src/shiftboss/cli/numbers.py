"""Numbers as options take them, with errors that say what was expected."""

from __future__ import annotations

import click


class Whole(click.IntRange):
    """A whole number, from the least to the most that there may be."""

    name = "whole number"

    def get_metavar(self, param: click.Parameter, ctx: click.Context | None = None) -> str | None:  # noqa: ARG002
        """What the help shows in its place."""
        return "N"


class Seconds(click.FloatRange):
    """A number of seconds, from the least that there may be."""

    name = "number of seconds"
