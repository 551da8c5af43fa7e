"""A plan to restore names titles, as far as runs have met them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sync.domain.plays import Key
from sync.pipeline.restore import Restoration


@pytest.mark.parametrize(
    ("key", "name"),
    [
        (Key("MV_1"), "Heat (1995) (MV_1)"),
        (Key("MV_2"), "MV_2"),
        (Key("TV_3", 1, 2), "Fleabag (2016) S01E02 (TV_3)"),
        (Key("TV_4", 1, 2), "TV_4 S01E02"),
    ],
)
def test_a_key_goes_by_its_title_and_keeps_its_id(key: Key, name: str) -> None:
    titles = {"MV_1": "Heat (1995)", "TV_3": "Fleabag (2016)"}
    nothing: Any = None
    plan = Restoration(Path("x"), nothing, "p", (), nothing, titles=titles)
    assert plan.name(key) == name
