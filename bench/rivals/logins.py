"""The made-up login that pytrakt, and traktexport on top of it, want in a file."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def write_login(folder: Path) -> Path:
    """Write a login that runs out in another century; return where."""
    path = folder / "pytrakt.json"
    login = {
        "CLIENT_ID": "id",
        "CLIENT_SECRET": "secret",
        "OAUTH_TOKEN": "token",
        "OAUTH_REFRESH": "refresh",
        "OAUTH_EXPIRES_AT": 4_000_000_000,
    }
    path.write_text(json.dumps(login), encoding="utf-8")
    return path
