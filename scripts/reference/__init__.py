"""The pages of docs/reference that are written by the program itself.

``python -m scripts.reference`` renews them; a test holds them to the program.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from scripts.reference import api, cli, config, documents, errors, events

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "docs" / "reference"


def pages() -> Mapping[str, str]:
    """Return the text of every generated page by the name of its file."""
    return {
        "api.md": api.page(),
        "cli.md": cli.page(),
        "config.md": config.page(ROOT / "config.example.toml"),
        "events.md": events.page(),
        "exit-codes.md": errors.page(ROOT / "README.md"),
        "json.md": documents.page(),
    }
