"""``python -m sync`` does the same as ``trakt2discovr``."""

from __future__ import annotations

from sync.cli import main

main()
