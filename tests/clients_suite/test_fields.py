"""Each field of each model of a service, by itself: what it takes can be reckoned with.

A model that is new is looked at without being named here.
"""

from __future__ import annotations

import importlib
import math
import pkgutil
from datetime import date, datetime, timedelta
from typing import Annotated

import pytest
from pydantic import BaseModel, ValidationError, create_model

import connectors
from connectors.decoding import decode
from connectors.discovr.extras import PageFilters
from connectors.fields import MOST
from tests.hostile import ODD

SERVICES = ("trakt", "discovr", "tmdb", "pharen")
#: What is said to a service, not by it.
OURS = {PageFilters}
VALUES = [decode(odd.encode()) for odd in (*ODD, "1", "-9223372036854775809")]


def models() -> dict[str, type[BaseModel]]:
    found = {}
    prefix = f"{connectors.__name__}."
    for module in pkgutil.walk_packages(connectors.__path__, prefix):
        _, service, *below = module.name.split(".")
        if service not in SERVICES or "export" in below:  # files have rows of their own
            continue
        for name, kind in vars(importlib.import_module(module.name)).items():
            is_model = isinstance(kind, type) and issubclass(kind, BaseModel)
            if is_model and kind.__module__ == module.name and kind not in OURS:
                found[f"{module.name.removeprefix(prefix)}.{name}"] = kind
    return found


FIELDS = {
    f"{name}.{field}": (kind, field)
    for name, kind in models().items()
    for field in kind.model_fields
}


def alone(kind: type[BaseModel], name: str) -> type[BaseModel]:
    """Return a model of one field, which takes just what that field takes."""
    field = kind.model_fields[name]
    annotation = field.annotation
    for part in field.metadata:
        annotation = Annotated[annotation, part]  # type: ignore[assignment]
    config = {**kind.model_config, "defer_build": False}
    return create_model("Alone", __config__=config, value=(annotation, ...))  # type: ignore[call-overload,no-any-return]


def taken(model: type[BaseModel], value: object) -> list[object]:
    """Return what the field makes of a value, by itself and as one of a list."""
    results: list[object] = []
    for sent in (value, [value]):
        try:
            results.append(model.model_validate({"value": sent}).value)  # type: ignore[attr-defined]
        except ValidationError:
            continue
    return results


def check(result: object, *, is_id: bool) -> None:
    """Do with what came of it what the program does, at most."""
    if isinstance(result, (list, tuple)):
        for one in result:
            check(one, is_id=is_id)
    elif isinstance(result, str):
        result.encode()
    elif isinstance(result, float):
        assert math.isfinite(result)
    elif isinstance(result, int) and not isinstance(result, bool):
        assert abs(result) <= MOST
        assert result > 0 or not is_id
    elif isinstance(result, (date, datetime)):
        assert result - timedelta(days=400) < result + timedelta(days=400)
        if isinstance(result, datetime):
            result.astimezone()


#: Times of plays: what comes after the models judges them, each for its own record.
JUDGED_LATER = {"HistoryItem.watched_at", "PlaybackItem.paused_at"}


@pytest.mark.parametrize("field", FIELDS)
def test_what_a_field_takes_can_be_reckoned_with(field: str) -> None:
    kind, name = FIELDS[field]
    if f"{kind.__name__}.{name}" in JUDGED_LATER and "trakt" in field:
        return
    model = alone(kind, name)
    for value in VALUES:
        for result in taken(model, value):
            check(result, is_id=name == "id" or name.endswith("_id"))


@pytest.mark.parametrize("field", FIELDS)
def test_no_field_takes_a_truth_value_for_a_number(field: str) -> None:
    kind, name = FIELDS[field]
    for value in (True, False):
        for result in taken(alone(kind, name), value):
            number = result[0] if isinstance(result, list) and result else result
            assert isinstance(number, bool) or not isinstance(number, (int, float))


def test_the_models_of_every_service_are_looked_at() -> None:
    looked_at = {name.split(".")[0] for name in models()}
    assert looked_at == {*SERVICES}
    assert "tmdb.models.EpisodeHit.show_id" in FIELDS
