"""What long-running commands log to standard error, as text for people or as JSON for programs."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime

LINE = "%(asctime)s %(process)d %(levelname)-7s %(name)s: %(message)s"
FORMATS = ("text", "json")


class JsonLines(logging.Formatter):
    """One object a line: at, level, logger, process, text, the facts of a job where it is about one, and error."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON."""
        facts = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "text": record.getMessage(),
            **getattr(record, "job", {}),
        }
        if record.exc_info:
            facts["error"] = self.formatException(record.exc_info)
        return json.dumps(facts, default=str)


def log_to_stderr(level: str = "info", form: str = "text") -> None:
    """Unless a module has set logging up its own way."""
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines() if form == "json" else logging.Formatter(LINE))
    logging.basicConfig(handlers=[handler])
    logging.getLogger("shiftboss").setLevel(level.upper())
