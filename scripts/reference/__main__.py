"""Writes the generated pages of docs/reference."""

from __future__ import annotations

from scripts.reference import FOLDER, pages

for name, text in pages().items():
    (FOLDER / name).write_text(text, encoding="utf-8")
