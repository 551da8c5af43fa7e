"""The options that belong to every command."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

PROGRAM = "trakt2discovr"


@dataclass(frozen=True, slots=True)
class Context:
    """What stands before the command; ``words`` are all that were typed."""

    config: Path | None
    is_sandbox: bool
    as_json: bool
    is_verbose: bool
    is_quiet: bool
    has_colors: bool = True
    words: tuple[str, ...] = ()

    @property
    def again(self) -> str:
        """The same command once more, to be pasted into a shell."""
        return shlex.join((PROGRAM, *self.words))

    def call(self, command: str, *files: Path) -> str:
        """Return another command on the same sides, to be pasted into a shell."""
        before = ["-c", str(self.config)] if self.config else []
        before += ["--sandbox"] if self.is_sandbox else []
        after = [word for file in files for word in ("--from-file", str(file))]
        parts = (shlex.join((PROGRAM, *before)), command, shlex.join(after))
        return " ".join(filter(None, parts))
