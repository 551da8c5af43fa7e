"""The config file: every key explained, those in use set, and nobody else's to read."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from typing import TYPE_CHECKING, Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

from connectors.errors import ConfigError
from connectors.files import PRIVATE, replace_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    #: What to set, by section and key.
    Values = Mapping[str, Mapping[str, Any]]

_EXAMPLE = "config.example.toml"
_SECTION = re.compile(r"^\[(?P<name>\w+)\]$")
_KEY = re.compile(r"^(?P<name>\w+) = (?P<value>.*)$")
_HEADER = re.compile(r"^[ \t]*\[", re.MULTILINE)
_HEAD = (
    "# The settings of trakt2discovr. A line behind a # sets nothing: it shows what\n"
    "# holds without it. Every key can come from the environment too, which wins:\n"
    "# TRAKT2DISCOVR_TRAKT__CLIENT_ID=...\n"
)


def example() -> str:
    """Return the config that shows every key with its default."""
    return (resources.files(__package__) / _EXAMPLE).read_text(encoding="utf-8")


def new_text(values: Values) -> str:
    """Return a config that sets these, and explains everything else."""
    lines, section = [], ""
    for line in example().splitlines():
        if found := _SECTION.match(line):
            section = found["name"]
        elif found := _KEY.match(line):
            name, default = found["name"], found["value"]
            value = values.get(section, {}).get(name)
            shown = f"# {line}"
            if value is not None:
                shown = f"{name} = {_literal(value, default)}"
            lines.append(shown)
            continue
        lines.append(line)
    first = lines.index("[trakt]")
    return "\n".join([_HEAD, *lines[first:]]) + "\n"


def changed_text(text: str, values: Values) -> str:
    """Return a config of the person's with these set; all else stays to the letter.

    A key that is new goes where the config explains it. Raises ConfigError for a text
    that is no TOML.
    """
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"The config is not valid TOML: {error}.",
            remedy="Correct it, or name another file: trakt2discovr -c FILE setup",
        ) from None
    for section, keys in values.items():
        for key, value in keys.items():
            text = _set(text, section, key, value)
    return text


def _set(text: str, section: str, key: str, value: Any) -> str:
    meant = tomllib.loads(text)
    keys = meant.setdefault(section, {})
    if key not in keys:
        keys[key] = value
        for changed in _added(text, section, key, value):
            # What looks like a line of a setting may stand inside a long text.
            if _meaning(changed) == meant:
                return changed
    document = tomlkit.parse(text)
    document.setdefault(section, tomlkit.table())[key] = value
    return tomlkit.dumps(document)


def _added(text: str, section: str, key: str, value: Any) -> Iterator[str]:
    """Put a new key where it is explained, or else first into its section."""
    head = re.search(rf"^[ \t]*\[[ \t]*{section}[ \t]*\].*\n", text, re.MULTILINE)
    if head is None:
        return
    start = head.end()
    following = _HEADER.search(text, start)
    end = following.start() if following else len(text)
    shown = re.compile(rf"^#[ \t]*({key}[ \t]*=.*?)\r?$", re.MULTILINE)
    for found in shown.finditer(text, start, end):
        try:
            setting = tomlkit.parse(found[1])
        except TOMLKitError:
            continue  # words about it
        setting[key] = value
        yield text[: found.start()] + tomlkit.dumps(setting) + text[found.end(1) :]
    end_of_line = "\r\n" if head[0].endswith("\r\n") else "\n"
    line = f"{key} = {tomlkit.item(value).as_string()}{end_of_line}"
    yield text[:start] + line + text[start:]


def _meaning(text: str) -> dict[str, Any] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def write_config(place: Path, values: Values) -> None:
    """Write a new config, or set these in the one that is there. Raises ConfigError.

    Whose file it was stays to the caller: nobody is asked here.
    """
    try:
        old = place.read_text(encoding="utf-8-sig") if place.exists() else None
        text = new_text(values) if old is None else changed_text(old, values)
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        replace_file(place, text, mode=PRIVATE)
    except UnicodeDecodeError:
        problem = "is not UTF-8 text"
    except OSError as error:
        problem = f"cannot be written ({error.strerror})"
    else:
        return
    raise ConfigError(
        f"The config {place} {problem}.",
        remedy="Name a file in a folder that may be written to: trakt2discovr -c FILE "
        "setup",
    )


def _literal(value: Any, default: str) -> str:
    """Write a value as TOML; one of the environment is text, whatever it stands for."""
    is_text = isinstance(value, str) and isinstance(_read(default), str | list)
    typed = value if is_text or not isinstance(value, str) else _read(value)
    return str(tomlkit.item(typed).as_string())


def _read(literal: str) -> Any:
    try:
        return tomllib.loads(f"value = {literal}")["value"]
    except (ValueError, RecursionError):
        return literal
