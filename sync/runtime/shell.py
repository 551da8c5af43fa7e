"""Words as a shell takes them."""

from __future__ import annotations

import os
import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def quote(word: str) -> str:
    """Quote a word for a shell.

    What cannot be printed is written out: it commands no terminal, and the word still
    names the same file.
    """
    if word.isprintable():
        return shlex.quote(word)
    return f"$'{''.join(map(_write_out, word))}'"


def quote_last(word: str) -> str:
    """Quote a word that ends a command and a sentence.

    It is no option, whatever it begins with, and its last dot is not the sentence's.
    """
    quoted = f"'{word}'" if quote(word) == word and word.endswith(".") else quote(word)
    return f"-- {quoted}" if word.startswith("-") else quoted


def join(words: Iterable[str]) -> str:
    """Return words as one line for a shell."""
    return " ".join(map(quote, words))


def _write_out(letter: str) -> str:
    if letter.isprintable():
        return f"\\{letter}" if letter in "\\'" else letter
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(letter))
