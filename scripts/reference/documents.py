"""The page about the JSON documents, read from their schema."""

from __future__ import annotations

from typing import Any

from scripts.reference.markdown import assemble, code, prose, table
from sync.documents.schema import schema

_INTRO = """\
With `--json` every command leaves exactly one JSON document on stdout, also when it
fails. [schema.json](../schema.json) is the JSON Schema of all of them. `format` says
which document it is and `version` which version; fields are only ever added within a
version, so take no offence at one that you do not know. Times are UTC in ISO 8601. A
`null` means that nobody knows or that it does not apply."""


def page() -> str:
    """Return the page."""
    whole = schema()["$defs"]
    heads = {n: d for n, d in whole.items() if "format" in d.get("properties", {})}
    parts = {n: d for n, d in whole.items() if n not in heads and "properties" in d}
    return assemble(
        "JSON documents",
        _INTRO,
        "## The documents",
        *(_section(name, heads[name]) for name in sorted(heads)),
        "## Their parts",
        *(_section(name, parts[name]) for name in sorted(parts)),
    )


def _section(name: str, definition: dict[str, Any]) -> str:
    form = definition["properties"].get("format", {}).get("const")
    rows = (
        (code(field), _kind(shape))
        for field, shape in definition["properties"].items()
        if field not in {"format", "version"}
    )
    title = code(form) if form else _short(name)
    about = prose(definition.get("description", ""))
    return "\n\n".join([f"### {title}", about, table(("field", "value"), rows)])


def _kind(shape: dict[str, Any]) -> str:
    if "$ref" in shape:
        name = _short(shape["$ref"].rpartition("/")[2])
        return f"[{name}](#{name.lower().replace(' ', '-')})"
    if "anyOf" in shape:
        return " or ".join(map(_kind, shape["anyOf"]))
    if "enum" in shape or "const" in shape:
        choices = shape.get("enum", [shape.get("const")])
        return ", ".join(code(f'"{choice}"') for choice in choices)
    if shape.get("type") == "array":
        inner = shape.get("items", {})
        return f"list of {_kind(inner)}" if inner else "list"
    if shape.get("type") == "object":
        inner = shape.get("additionalProperties")
        by = f", each {_kind(inner)}" if isinstance(inner, dict) and inner else ""
        return f"object{by}"
    return shape.get("format") or shape.get("type") or "any"


def _short(name: str) -> str:
    """Return the name of a part as words: ``LeftOutDocument`` is "Left out"."""
    bare = name.removesuffix("Document")
    words = "".join(f" {c.lower()}" if c.isupper() else c for c in bare)
    return words.strip().capitalize()
