"""`--config FILE`: the options of a command by their long names, in YAML. What stands on the command line wins."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import yaml

from shiftboss.cli.command import Misuse
from shiftboss.config import nearest


def load_config(ctx: click.Context, param: click.Parameter, path: str | None) -> None:
    """Make a file's values the defaults of a command; for an eager option."""
    if path is None:
        return
    options = {
        option.opts[-1].removeprefix("--"): option
        for option in ctx.command.params
        if isinstance(option, click.Option) and option is not param and option.name != "debug"
    }
    defaults: dict[str, Any] = {}
    for name, value in _read(path).items():
        if name not in options:
            raise Misuse(f"{path}: unknown option {name!r}; {nearest(str(name), options)}")
        defaults[options[name].name or ""] = _checked(ctx, path, name, options[name], value)
    ctx.default_map = {**(ctx.default_map or {}), **defaults}


def _read(path: str) -> dict[Any, Any]:
    try:
        found = yaml.safe_load(Path(path).read_text("utf-8"))
    except OSError as error:
        raise Misuse(f"{path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise Misuse(f"{path}: expected text in UTF-8") from None
    except yaml.YAMLError as error:
        raise Misuse(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise Misuse(f"{path}: expected options by their names, as in `concurrency: 10`, got {found!r:.80}")
    return found


def _checked(ctx: click.Context, path: str, name: str, option: click.Option, value: Any) -> Any:
    """A value as the command line would give it.

    Raises:
        Misuse: The command line would not take it.
    """
    if option.is_flag:
        if not isinstance(value, bool):
            raise Misuse(f"{path}: {name}: expected true or false, got {value!r:.80}")
        return value
    values = value if option.multiple and isinstance(value, list) else [value]
    for one in values:
        if isinstance(one, bool) or not isinstance(one, (str, int, float)):
            kind = "a value or a list of them" if option.multiple else "one value"
            raise Misuse(f"{path}: {name}: expected {kind}, got {value!r:.80}")
    texts = [str(one) for one in values]
    given: Any = texts if option.multiple else texts[0]
    try:
        option.process_value(ctx, given)
    except click.BadParameter as error:
        raise Misuse(f"{path}: {name}: {error.message.rstrip('.')}") from None
    return given
