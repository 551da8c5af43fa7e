"""The options that belong to every command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Context:
    """What stands before the command."""

    config: Path | None
    is_sandbox: bool
    as_json: bool
    is_verbose: bool
    is_quiet: bool
