"""``python -m trakt2discovr`` does the same as ``trakt2discovr``."""

from __future__ import annotations

import trakt2discovr  # noqa: F401  # says first whether its parts are the right ones
from sync.cli import main

main()
