"""`shiftboss limiters show`."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from shiftboss.cli.command import Command, json_option
from shiftboss.cli.connect import connected
from shiftboss.cli.limiters.looking import find, to_dict
from shiftboss.cli.output import console, print_json
from shiftboss.text import age, local, plural, span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from shiftboss.limiters import Holder, Limiter, LimiterState, Totals


@click.command("show", cls=Command)
@click.argument("name", metavar="LIMITER")
@json_option
def show(*, name: str, as_json: bool, url: str | None, namespace: str | None) -> None:
    """Show one limiter: what it admits, what is taken of it, who holds it, and what was counted of it."""
    from shiftboss.limiters import ConcurrentLimiter

    with connected(url, namespace) as client:
        limiter = find(client, name)
        state, totals = limiter.peek(), limiter.counters()
        holders = limiter.holders() if isinstance(limiter, ConcurrentLimiter) else []
    if as_json:
        held = [{key: _plain(value) for key, value in asdict(one).items()} for one in holders]
        history = [{key: _plain(value) for key, value in asdict(one).items()} for one in limiter.history()]
        print_json({**to_dict(limiter, state), "holders": held, "counters": asdict(totals), "history": history})
    else:
        _print(limiter, state, holders, totals)


def _print(limiter: Limiter, state: LimiterState, holders: Sequence[Holder], totals: Totals) -> None:
    from rich.text import Text

    from shiftboss.limiters.wording import limit_in_words

    facts = [("limiter", limiter.name), ("kind", limiter.kind), ("limit", limit_in_words(limiter))]
    facts.append(("used", f"{state.used:,}, {state.remaining:,} free"))
    facts += [("waiting", f"{state.waiting:,}")] if state.waiting else []
    facts += [("free", f"in {span(state.reset_after)}")] if state.reset_after is not None else []
    facts.append(("wait", f"at most {limiter.wait_timeout:g} s" if limiter.wait_timeout else "does not wait"))
    facts += [("holder", f"{one.process}, for {age(one.since)}, until {local(one.ends)}") for one in holders[:20]]
    if len(holders) > 20:
        facts.append(("", f"and {plural(len(holders) - 20, 'holder')} more"))
    facts += _counted(totals)
    out = console()
    for name, value in facts:
        out.print(Text.assemble((f"{name:<9}", "bold"), value), soft_wrap=True)


def _counted(totals: Totals) -> list[tuple[str, str]]:
    """What was counted, as far as there is something to say."""
    facts = (
        [("admitted", f"{totals.admitted:,}, {totals.immediate:,} of them without waiting")] if totals.admitted else []
    )
    if totals.waited:
        facts.append(("waited", f"{totals.waited:,}, {totals.wait_seconds / totals.waited:.3g} s each on average"))
    if totals.held_seconds:
        held = f"{totals.held_seconds:.3g} s" if totals.held_seconds < 100 else span(totals.held_seconds)
        facts.append(("held", f"{held} in total"))
    if totals.over_limit:
        facts.append(("refused", f"{totals.over_limit:,}"))
    if totals.reclaimed or totals.overages:
        facts.append(("overran", f"{totals.overages:,} outlived lock_timeout, {totals.reclaimed:,} slots reclaimed"))
    return facts


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value
