"""Writes files so that nobody ever sees half of one, and no crash leaves one."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from connectors.errors import ConfigError

PRIVATE = 0o600


def expand(path: Path) -> Path:
    """Put the home folder for a ``~``. Raises ConfigError where there is none.

    And for what can be no path of any system.
    """
    if "\0" in str(path):
        raise ConfigError(
            "A path in the settings holds a character of code 0, and none can.",
            remedy="Write it anew, without that character.",
        )
    try:
        return path.expanduser()
    except RuntimeError:
        raise ConfigError(
            f"There is no home folder for the ~ in {path}.",
            remedy="Set HOME, or name the whole path.",
        ) from None


def replace_file(path: Path, content: str, *, mode: int = PRIVATE) -> None:
    """Write the file anew, or leave the old one as it is. Raises OSError.

    A link stays a link. ``mode`` are the rights of the file.
    """
    target = path.resolve()
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f"{target.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if mode != PRIVATE:
            Path(name).chmod(mode)
        Path(name).replace(target)
    finally:
        Path(name).unlink(missing_ok=True)  # there still if anything failed
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name durable, not only the content."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
