"""The page about the settings: the comments of the example, the rest from the model."""

from __future__ import annotations

import types
import typing
from datetime import timedelta
from enum import Enum
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from scripts.reference.markdown import assemble, code, prose, table
from sync.config import APP, CONFIG_VARIABLE, ENV_PREFIX, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic.fields import FieldInfo

_INTRO = f"""\
Settings come from a TOML file: the one that `-c` names, else the one that the
variable `{CONFIG_VARIABLE}` names, else `config.toml` in the current folder, else
`config.toml` in the folder for settings that your platform has (on Linux
`~/.config/{APP}`). No file at all is fine.
[config.example.toml](../../config.example.toml) holds every key with its default.

Every key can come from the environment instead, which wins over the file. An empty
text is the same as no setting. An unknown key, here or there, is an error that names
the nearest known one. Secrets are shown nowhere, and no option of a command takes
one."""

_TYPES = {
    str: "text",
    bool: "yes or no",
    int: "number",
    float: "number",
    timedelta: "interval",
    SecretStr: "secret",
}


def page(example: Path) -> str:
    """Return the page."""
    comments = _comments(example.read_text(encoding="utf-8"))
    parts = []
    for section, field in Settings.model_fields.items():
        model: Any = field.annotation
        rows = (
            (
                code(key),
                _kind(info),
                code(_default(section, info)),
                comments[section, key],
                code(f"{ENV_PREFIX}{section.upper()}__{key.upper()}"),
            )
            for key, info in model.model_fields.items()
        )
        header = ("key", "value", "default", "what it is", "environment")
        parts += [f"## [{section}]", prose(model), table(header, rows)]
    return assemble("Settings", _INTRO, *parts)


def _comments(text: str) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    section, comment = "", []
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif line.startswith("#"):
            comment.append(line.lstrip("# "))
            continue
        elif " = " in line:
            found[section, line.partition(" = ")[0]] = " ".join(comment)
        comment = []
    return found


def _default(section: str, info: FieldInfo) -> str:
    if section == "state":
        # It depends on the machine; the comment says where.
        return ""
    default = info.get_default()
    if isinstance(default, bool):
        return str(default).lower()
    return "" if default in (None, ()) else str(default)


def _kind(info: FieldInfo) -> str:
    annotation: Any = info.annotation
    if isinstance(annotation, types.UnionType) or typing.get_origin(annotation) in (
        typing.Union,
        typing.Annotated,
    ):
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) is typing.Annotated:
        annotation = typing.get_args(annotation)[0]
    if typing.get_origin(annotation) is tuple:
        return "secrets" if SecretStr in typing.get_args(annotation) else "texts"
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return ", ".join(code(choice.value) for choice in annotation)
    if not info.repr:
        return "text; secret where it holds a password"
    kind: str = _TYPES.get(annotation, getattr(annotation, "__name__", "").lower())
    signs = {"ge": "at least", "gt": "above", "le": "at most"}
    bounds = [
        f"{said} {getattr(bound, sign):g}"
        for bound in info.metadata
        for sign, said in signs.items()
        if hasattr(bound, sign)
    ]
    return ", ".join([kind, *bounds])
