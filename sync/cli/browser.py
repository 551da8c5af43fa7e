"""Opens a file in the person's browser, where there is one to be seen."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

#: Without one of these a system like Linux has browsers for the terminal at best, and
#: such a one would take it over.
_SCREENS = ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER")


def open_file(path: Path) -> bool:
    """Hand it to the browser; tell whether there is one."""
    # Few have anything opened.
    import webbrowser  # noqa: PLC0415

    try:
        return webbrowser.open(path.absolute().as_uri())
    except (webbrowser.Error, OSError):
        return False


def has_screen() -> bool:
    """Tell whether the person sits at this machine, and not at the end of a wire."""
    if "SSH_CONNECTION" in os.environ:
        return False
    is_usual = sys.platform in {"win32", "darwin"}
    return is_usual or any(map(os.environ.get, _SCREENS))
