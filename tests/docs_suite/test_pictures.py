"""The pictures of the README show what the program prints today."""

from __future__ import annotations

import html
import re
import runpy
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = ROOT / "docs" / "images"


def words(picture: str) -> list[str]:
    """Return the text of a picture, line by line."""
    lines = re.findall(r"<text[^>]*>([^<]*)</text>", picture)
    return [html.unescape(line).replace("\xa0", " ").strip() for line in lines]


@pytest.mark.long
def test_the_plan_in_the_picture_is_the_one_that_is_shown(tmp_path: Path) -> None:
    pictures = runpy.run_path(str(ROOT / "scripts" / "pictures"))
    drawn = pictures["draw_plan"](pictures["run"](tmp_path, "plan"))
    kept = (IMAGES / "plan.svg").read_text(encoding="utf-8")
    assert words(drawn) == words(kept), "run scripts/pictures"
    assert "913 plays read from Trakt" in " ".join(words(kept))


def test_no_picture_asks_a_server_for_anything() -> None:
    for path in IMAGES.glob("*.svg"):
        text = path.read_text(encoding="utf-8")
        assert not re.search(r"url\(['\"]?https?:|<image|<script|@import", text)
