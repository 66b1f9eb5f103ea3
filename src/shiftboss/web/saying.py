"""Filters of the templates: numbers, times and states as people read them. What returns markup has escaped all that is in it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from markupsafe import Markup

from shiftboss.batches.bids import is_bid
from shiftboss.engines.sidekiq.durations import ENDS
from shiftboss.limiters.wording import limit_in_words
from shiftboss.text import plural, printable, span

ELLIPSIS = "…"
NONE = Markup('<span class="none" aria-label="none">–</span>')


def number(value: float) -> str:
    """With separators, and without a fraction that is none.

    Example:
        >>> number(1234567), number(1234.5), number(7.0)
        ('1,234,567', '1,234.5', '7')
    """
    return f"{int(value):,}" if value == int(value) else f"{value:,}"


def exact(moment: datetime) -> str:
    """A moment to the second, in UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def in_zone(moment: datetime, zone: str) -> str:
    """A moment on the wall clock of a zone; in UTC if the zone is not known on this machine."""
    try:
        there = moment.astimezone(ZoneInfo(zone))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return exact(moment)
    return f"{there:%a %-d %b %Y, %H:%M:%S}"


def ago(moment: datetime | None) -> Markup:
    """How long ago, or in how long; exactly in the title."""
    if moment is None:
        return NONE
    left = (moment - datetime.now(UTC)).total_seconds()
    return _time(moment, f"in {span(left)}" if left > 0 else f"{span(-left)} ago" if left < -1 else "just now")


def due(moment: datetime | None) -> Markup:
    """As `ago`, of what is to come; what should have come already is overdue."""
    if moment is None or (late := (datetime.now(UTC) - moment).total_seconds()) < 1:
        return ago(moment)
    return _time(moment, f"{span(late)} overdue")


def local(moment: datetime | None) -> Markup:
    """A moment in UTC, which the browser turns into the viewer's own zone."""
    if moment is None:
        return NONE
    return Markup('<time datetime="{}" data-local title="{}">{}</time>').format(
        moment.isoformat(), exact(moment), exact(moment)
    )


def seconds(value: float | None) -> str:
    """A stretch of time: milliseconds below a second, then seconds, then roughly.

    Example:
        >>> seconds(0.0123), seconds(2.345), seconds(3), seconds(7300)
        ('12 ms', '2.3 s', '3 s', '2 h')
    """
    if value is None:
        return ""
    if 0 < abs(value) < 1:
        return f"{value * 1000:.0f} ms"
    return f"{round(value, 1):g} s" if abs(value) < 10 else span(value)


def bound(value: float | None) -> str:
    """What a stretch of time is at most, by the end of its bucket in seconds; infinity is that of the last.

    Example:
        >>> bound(0.02), bound(1.1), bound(150.0), bound(math.inf), bound(None)
        ('≤ 20 ms', '≤ 1.1 s', '≤ 150 s', '> 335 s', '–')
    """
    if value is None:
        return "–"
    if math.isinf(value):
        return f"> {ENDS[-1] // 1000} s"
    return f"≤ {value * 1000:.0f} ms" if value < 1 else f"≤ {value:g} s"


def short(text: str, most: int = 120) -> Markup:
    """The beginning of a text; all of it, within reason, in the title."""
    text = printable(text)
    if len(text) <= most:
        return Markup("{}").format(text)
    return Markup('<span title="{}">{}</span>').format(text[: most * 10], text[:most] + ELLIPSIS)


def words(text: str, most: int = 60) -> Markup:
    """As `short`, of a name, whose lines may break between its words.

    Example:
        >>> words("app.jobs.send_mail")
        Markup('app.<wbr>jobs.<wbr>send_<wbr>mail')
    """
    text = printable(text)
    return short(text, most) if len(text) > most else Markup("<wbr>").join(re.split(r"(?<=[._:/-])", text))


def percent(part: float, whole: float) -> float:
    """How much of a whole a part is, from 0 to 100; of nothing it is all."""
    return round(100 * part / whole, 2) if whole else 100.0


def commas(values: Sequence[Any]) -> str:
    return ", ".join(map(str, values))


def _time(moment: datetime, said: str) -> Markup:
    return Markup('<time datetime="{}" title="{}">{}</time>').format(moment.isoformat(), exact(moment), said)


FILTERS: dict[str, Callable[..., Any]] = {
    "number": number,
    "exact": exact,
    "in_zone": in_zone,
    "ago": ago,
    "due": due,
    "local": local,
    "seconds": seconds,
    "bound": bound,
    "short": short,
    "words": words,
    "printable": printable,
    "plural": plural,
    "percent": percent,
    "commas": commas,
    "span": span,
    "limit": limit_in_words,
    "is_bid": is_bid,
}
