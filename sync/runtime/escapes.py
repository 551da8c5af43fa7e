"""JSON that cannot command a terminal, whatever stands in it."""

from __future__ import annotations

import json

#: They belong to scripts and emoji, and move no cursor.
JOINERS = "\u200c\u200d"
_KEPT = frozenset(f"\n{JOINERS}")


def escape(text: str) -> str:
    """Escape what cannot be printed in JSON, which reads back as the very same text."""
    if text.isascii() and "\x7f" not in text:
        return text
    return "".join(c if c.isprintable() or c in _KEPT else _escape(c) for c in text)


def _escape(letter: str) -> str:
    # json.dumps takes that one for printable.
    return json.dumps(letter)[1:-1] if letter != "\x7f" else "\\u007f"
