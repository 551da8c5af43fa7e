"""What no test can notice, or need not: ``tests/mutants.toml``, with a reason each."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from scripts.mutation.mutants import ROOT

if TYPE_CHECKING:
    from scripts.mutation.mutants import Mutant

FILE = ROOT / "tests" / "mutants.toml"


@dataclass(frozen=True, slots=True)
class Known:
    """A change that makes no difference: the lines before and after, and why."""

    file: str
    line: str
    becomes: str
    reason: str


def read_known() -> list[Known]:
    """Return all that is written there."""
    return [Known(**entry) for entry in tomllib.loads(FILE.read_text())["equivalent"]]


def reasons() -> dict[tuple[str, str, str], str]:
    """Return the reasons by file and change."""
    return {(k.file, k.line, k.becomes): k.reason for k in read_known()}


def as_entry(mutant: Mutant) -> str:
    """Write a mutant as an entry of that file; the reason is for a person to find."""
    before, after = (_quoted(text) for text in mutant.change)
    file = f'file = "{mutant.file}"'
    return f'[[equivalent]]\n{file}\nline = {before}\nbecomes = {after}\nreason = ""\n'


def _quoted(text: str) -> str:
    return f"'''\n{text}'''" if "'''" not in text else f'"""\n{text}"""'
