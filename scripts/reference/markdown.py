"""Small pieces of Markdown that all generated pages are made of."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

NOTE = "<!-- Written by `python -m scripts.reference`: change the program instead. -->"


def assemble(title: str, *parts: str) -> str:
    """Join the parts of a page below its title."""
    return "\n\n".join([f"# {title}", NOTE, *(part for part in parts if part)]) + "\n"


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table; what would break a cell is escaped."""
    lines = [list(header), ["---"] * len(header), *map(list, rows)]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def code(text: object) -> str:
    """Set it as code; nothing for an empty text."""
    return f"`{text}`" if str(text) else ""


def prose(thing: object) -> str:
    """Return a docstring as Markdown: double backticks become single ones."""
    text = thing if isinstance(thing, str) else inspect.getdoc(thing) or ""
    return " ".join(text.replace("``", "`").split())


def paragraphs(thing: object) -> str:
    """Return a docstring as Markdown, with its paragraphs."""
    text = inspect.getdoc(thing) or ""
    return text.replace("``", "`")


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
