"""Facts as people read them: names without surprises, numbers, sizes and times."""

from __future__ import annotations

from datetime import UTC, datetime

_SPANS = ((86400 * 2, 86400, "d"), (3600 * 2, 3600, "h"), (120, 60, "min"), (0, 1, "s"))


def printable(text: str) -> str:
    r"""The text with everything escaped that could move a cursor or cannot be encoded.

    Example:
        >>> print(printable("a\x1b[31mb\nc"))
        a\x1b[31mb\nc
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def storable(text: str) -> str:
    r"""The text with a ``?`` for each half of a surrogate pair, for which JSON in UTF-8 has no place.

    Example:
        >>> storable("caf\udce9")
        'caf?'
    """
    return text.encode("utf-8", "replace").decode()


def one_line(text: str) -> str:
    """The text on one line, printable."""
    return printable(" ".join(text.split()))


def span(seconds: float) -> str:
    """A stretch of time, roughly.

    Example:
        >>> span(7), span(600), span(7200 + 1800)
        ('7 s', '10 min', '2 h')
    """
    seconds = max(0.0, seconds)
    return next(f"{seconds // unit:.0f} {name}" for least, unit, name in _SPANS if seconds >= least)


def age(moment: datetime) -> str:
    """How long ago a moment was."""
    return span((datetime.now(UTC) - moment).total_seconds())


def local(moment: datetime) -> str:
    """A moment in this machine's own time zone."""
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S %z}"


def size(count: int) -> str:
    """Bytes in the unit that fits.

    Example:
        >>> size(999), size(1_500), size(25_300_000)
        ('999 bytes', '1.5 kB', '25.3 MB')
    """
    if count < 1000:
        return f"{count} bytes"
    number, units = float(count), iter(("kB", "MB", "GB", "TB", "PB"))
    unit = ""
    while number >= 999.95:
        number, unit = number / 1000, next(units)
    return f"{number:.1f} {unit}"


def plural(count: int, noun: str, nouns: str = "") -> str:
    """A count with its noun.

    Example:
        >>> plural(1, "file"), plural(12_000, "file")
        ('1 file', '12,000 files')
    """
    return f"{count:,} {noun if count == 1 else nouns or noun + 's'}"


def all_of(count: int, noun: str, nouns: str = "") -> str:
    """As `plural`, of all that there are.

    Example:
        >>> all_of(1, "job"), all_of(12_000, "job")
        ('1 job', 'all 12,000 jobs')
    """
    return plural(count, noun, nouns) if count == 1 else f"all {plural(count, noun, nouns)}"
