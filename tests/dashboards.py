"""The dashboards of ``deploy/``, as tests look at them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    Panel = dict[str, Any]

_WIDTH = 24


def read_panels(dashboard: Path) -> list[Panel]:
    found: list[Panel] = json.loads(dashboard.read_text(encoding="utf-8"))["panels"]
    return found


def check_places(panels: Iterable[Panel]) -> None:
    """Each panel has a place and a number of its own, and none leaves the board."""
    taken: set[tuple[int, int]] = set()
    numbers: set[int] = set()
    for panel in panels:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not taken & cells
        assert max(x for x, _ in cells) < _WIDTH
        assert panel["id"] not in numbers
        taken |= cells
        numbers.add(panel["id"])
