"""JSON of somebody else: read patiently where fast decoders refuse it, and weighed.

The fast decoders refuse a whole document for half an emoji in one title, for a number
that no machine holds, or for what lies deep inside a field that nobody reads. Here each
of these costs no more than its own place.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

#: Nothing that a service says lies deeper; what does is left out.
MOST_DEPTH = 64
#: More digits than any number of a service has. Python reads some 4,300 at most.
_MOST_DIGITS = 40
#: A text that never ends takes the rest, which would else be tried from each quotation
#: mark anew.
_STEPS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[\[\]{}]', re.DOTALL)
#: Half of a character that takes two, as it is written in JSON.
_HALF = re.compile(r"\\u[dD][89a-fA-F]")

#: What a decoded object, a list and any value weigh in Python, or a bit more.
_OBJECT, _LIST, _VALUE = 184, 88, 40


def decode(data: bytes) -> Any:
    """Decode a document. Raises ValueError if it is not JSON.

    A byte that is no text and half a character become "?" or a mark of their own, a
    number out of all bounds (NaN too) its own text, and what lies too deep None. Of
    equal keys the last counts.
    """
    text = data.decode("utf-8-sig", errors="replace")
    document = json.loads(
        _without_depths(text),
        parse_int=_read_whole,
        parse_float=_read_broken,
        parse_constant=str,
    )
    return _whole(document) if _HALF.search(text) else document


def weigh(data: bytes) -> int:
    """Return about how many bytes a document takes once decoded, at most.

    ``[{},{},`` takes 25 times what it has, so that a cap on bytes alone bounds nothing.
    """
    objects, lists, values = map(data.count, (b"{", b"[", b","))
    return len(data) + _OBJECT * objects + _LIST * lists + _VALUE * values


def outweighs(data: bytes, most: int) -> bool:
    """Whether a document weighs more than so many bytes; to count takes time."""
    # No byte of it can weigh more than one that begins an object.
    return len(data) * (1 + _OBJECT) > most and weigh(data) > most


def _without_depths(text: str) -> str:
    """Put null where a document lies too deep, so that no decoder runs out of stack."""
    pieces: list[str] = []
    depth = taken = 0
    for step in _STEPS.finditer(text):
        if step[0] in {"[", "{"}:
            if depth == MOST_DEPTH:
                pieces += (text[taken : step.start()], "null")
                taken = len(text)
            depth += 1
        elif step[0] in {"]", "}"}:
            depth -= 1
            if depth == MOST_DEPTH:
                taken = step.end()
    return "".join((*pieces, text[taken:])) if pieces else text


def _read_whole(digits: str) -> int | str:
    return int(digits) if len(digits) <= _MOST_DIGITS else digits


def _read_broken(digits: str) -> float | str:
    number = float(digits)
    return number if math.isfinite(number) else digits


def _whole(value: Any) -> Any:
    """Make texts whole; no deeper than ``MOST_DEPTH``."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode(errors="replace").decode()
    if isinstance(value, list):
        return [_whole(part) for part in value]
    if isinstance(value, dict):
        return {_whole(key): _whole(part) for key, part in value.items()}
    return value
