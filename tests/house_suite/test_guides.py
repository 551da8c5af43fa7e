"""What the guides for contributors name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDES = ("CONTRIBUTING.md", "docs/architecture.md")
#: A path of ours in code quotes: ``sync/load/loader``, with or without ``.py``.
_PATHS = re.compile(
    r"`((?:sync|connectors|tests|scripts|docs|deploy|bench|trakt2discovr)/[\w./-]*)`"
)


@pytest.mark.parametrize("guide", GUIDES)
def test_every_path_that_a_guide_names_exists(guide: str) -> None:
    paths = set(_PATHS.findall((ROOT / guide).read_text(encoding="utf-8")))
    assert paths
    assert not [path for path in paths if not _is_there(path)]


def test_the_tree_names_every_room() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (tree,) = re.findall(r"## The tree\n\n```text\n(.*?)```", text, re.DOTALL)
    named = set(re.findall(r"[\w/]+", tree))
    for package in ("sync", "connectors"):
        for path in (ROOT / package).iterdir():
            if path.is_dir() and path.name != "__pycache__":
                assert f"{path.name}/" in named, path
            elif path.suffix == ".py" and package == "sync":
                assert path.stem in named | {"__main__"}, path


def _is_there(path: str) -> bool:
    """Whether it is a file or folder, or a name that a module defines."""
    place = ROOT / path
    if place.exists() or place.with_name(f"{place.name}.py").exists():
        return True
    module, _, name = path.rpartition(".")
    file = (ROOT / module).with_suffix(".py")
    return (
        file.exists() and re.search(rf"\b{name}\b", file.read_text("utf-8")) is not None
    )
