"""The pages of the documentation, as what a test wants of them: blocks and links."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from markdown_it import MarkdownIt

if TYPE_CHECKING:
    from collections.abc import Iterator

    from markdown_it.token import Token

ROOT = Path(__file__).parents[2]
#: The mark behind the language of a block that needs a person or a machine of its own.
NOT_RUN = "not-run"
_ENDS = frozenset({"|", "||", "&&", ";", ">", ">>", "2>", ">/dev/null"})


@dataclass(frozen=True)
class Block:
    """A code block: ``marks`` are the words behind its language."""

    page: Path
    line: int
    language: str
    marks: tuple[str, ...]
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"

    @property
    def is_run(self) -> bool:
        return NOT_RUN not in self.marks

    def commands(self) -> list[list[str]]:
        """Return its lines as words, without comments and joined where they go on."""
        lines = self.text.replace("\\\n", " ").splitlines()
        return [words for line in lines if (words := shlex.split(line, comments=True))]

    def calls(self) -> list[list[str]]:
        """Return the arguments of each call of the program, wherever it stands."""
        return [call for words in self.commands() for call in _calls(words)]


def _calls(words: list[str]) -> Iterator[list[str]]:
    """Find the program at the start of a command, by its path, or in a container."""
    before = ""
    for place, word in enumerate(words):
        is_first = before in _ENDS or before == "if" or not before
        is_path = word.endswith("/bin/trakt2discovr")
        if is_path or (word == "trakt2discovr" and (is_first or before == "--rm")):
            rest = [each.rstrip(";") for each in words[place + 1 :]]
            ends = [i for i, each in enumerate(rest) if each in _ENDS]
            yield rest[: ends[0]] if ends else rest
        # An assignment may stand before the program.
        before = before if "=" in word and is_first else word


def pages() -> list[Path]:
    """Return every page that people read."""
    inner = sorted((ROOT / "docs").rglob("*.md"))
    tops = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "deploy" / "README.md"]
    return [*tops, *inner]


def blocks(page: Path) -> list[Block]:
    return [
        Block(page, token.map[0] + 1, language, tuple(marks), token.content)
        for token in _tokens(page)
        if token.type == "fence" and token.map
        for language, *marks in [token.info.split() or [""]]
    ]


def links(page: Path) -> list[str]:
    """Return where every link and every picture of a page leads."""
    found = []
    for token in _tokens(page):
        for child in token.children or []:
            if child.type == "link_open":
                found.append(str(child.attrs["href"]))
            elif child.type == "image":
                found.append(str(child.attrs["src"]))
    return found


def pictures(page: Path) -> list[tuple[str, str]]:
    """Return each picture: its place and the words that stand for it."""
    return [
        (str(child.attrs["src"]), child.content)
        for token in _tokens(page)
        for child in token.children or []
        if child.type == "image"
    ]


def anchors(page: Path) -> set[str]:
    """Return the names that the headings of a page go by in a link."""
    tokens = _tokens(page)
    titles = [
        tokens[place + 1].content
        for place, token in enumerate(tokens)
        if token.type == "heading_open"
    ]
    return {re.sub(r"[^\w -]", "", t.lower()).replace(" ", "-") for t in titles}


@cache
def _tokens(page: Path) -> list[Token]:
    reader = MarkdownIt("commonmark").enable("table")
    return reader.parse(page.read_text(encoding="utf-8"))
