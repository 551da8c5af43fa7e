"""Numbers as a browser sends them, which may be anything."""

from __future__ import annotations

import re

#: Whatever is counted here is far below; a database holds no number of any length.
_NUMBER = re.compile(r"[0-9]{1,9}")


def read_number(text: str) -> int | None:
    """Return a number of a page or a run; None for what is none."""
    return int(text) if _NUMBER.fullmatch(text) else None
