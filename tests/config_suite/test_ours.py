"""Wrong settings are our own error, however they are made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import ConfigError
from sync.config import Settings

if TYPE_CHECKING:
    from collections.abc import Callable

MAKERS = [
    lambda values: Settings(**values),
    Settings.model_validate,
    lambda values: Settings.model_validate_json(json.dumps(values)),
]
WRONG: list[tuple[dict[str, object], str]] = [
    ({"histroy": {}}, "[histroy] is unknown (did you mean 'history'?)"),
    ({"history": {"colapse": "off"}}, "did you mean 'collapse'?"),
    ({"history": {"collapse": "sometimes"}}, "[history] collapse"),
    ({"trakt": {"concurrency": 0}}, "[trakt] concurrency"),
    ({"discovr": {"api_url": 7}}, "[discovr] api_url"),
    ({"state": 7}, "[state]"),
]


@pytest.mark.parametrize(("values", "told"), WRONG)
@pytest.mark.parametrize("make", MAKERS)
def test_wrong_settings_are_our_own_error(
    values: dict[str, object], told: str, make: Callable[[Any], Settings]
) -> None:
    with pytest.raises(ConfigError) as caught:
        make(values)
    assert told in caught.value.message
    assert "what was given" in caught.value.message
    assert "config.example.toml" in caught.value.remedy


@pytest.mark.parametrize("values", [None, 7, [], "text"])
def test_what_is_no_settings_at_all_is_our_own_error(values: object) -> None:
    with pytest.raises(ConfigError, match=r"\[settings\]"):
        Settings.model_validate(values)
