"""Odd values, and every place of a model to put one; new fields come by themselves."""

from __future__ import annotations

import copy
import json
import typing
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterator

Path = tuple[str, ...]

#: What was seen in real files and answers where something else was meant.
ODD: list[Any] = [
    {},
    [],
    "",
    " ",
    "N/A",
    "null",
    -1,
    0,
    1.5,
    None,
    True,
    False,
    2**63,
    10**30,
    -(10**30),
    "7",
    "1388.0",
    "x" * 300,
    [[]],
    [None],
    {"a": {"b": []}},
    "\ud83d",
    "1970-01-01",
]
_BY_NAME = {
    "watched_at": "2024-01-15T12:00:00.000Z",
    "paused_at": "2024-01-15T12:00:00.000Z",
    "last_watched_at": "2024-01-15T12:00:00.000Z",
    "first_aired": "2024-01-15T12:00:00.000Z",
    "imdb": "tt0903747",
    "slug": "a-slug",
    "title": "A name",
    "year": 2008,
    "action": "watch",
    "progress": 41.5,
}


def nested(annotation: Any) -> type[BaseModel] | None:
    """Return the model that an annotation holds, however deep."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    found = (nested(part) for part in typing.get_args(annotation))
    return next((model for model in found if model), None)


def is_list(annotation: Any) -> bool:
    origin = typing.get_origin(annotation)
    return origin is list or any(map(is_list, typing.get_args(annotation)))


def fill(model: type[BaseModel]) -> dict[str, Any]:
    """Return a record with every field of the model."""
    record: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        inner = nested(field.annotation)
        value = fill(inner) if inner else _BY_NAME.get(name, 7)
        record[name] = [value] if inner and is_list(field.annotation) else value
    return record


def walk(model: type[BaseModel], before: Path = ()) -> Iterator[Path]:
    """Yield the place of every field, objects and what is in them."""
    for name, field in model.model_fields.items():
        yield (*before, name)
        if inner := nested(field.annotation):
            step = (name, "0") if is_list(field.annotation) else (name,)
            yield from walk(inner, (*before, *step))


def put(record: dict[str, Any], path: Path, value: Any) -> dict[str, Any]:
    """Return the record with another value at a place."""
    changed = copy.deepcopy(record)
    place: Any = changed
    for step in path[:-1]:
        place = place[int(step)] if step.isdecimal() else place[step]
    place[path[-1]] = value
    return changed


def show(path: Path, value: Any) -> str:
    return f"{'.'.join(path)}={json.dumps(value)[:30]}"
