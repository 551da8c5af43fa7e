"""The console that everything laid out is printed on."""

from __future__ import annotations

import os
import shutil
import sys
from typing import TYPE_CHECKING, Any

from rich.console import Console

from sync.cli.view.texts import clean

if TYPE_CHECKING:
    from typing import TextIO

    from rich.text import Text

#: Lines that go to a file or a pipe are not broken.
_ENDLESS = 10_000
#: Nothing here depends on how high a terminal is.
_HEIGHT = 25


class PlainConsole(Console):
    """A console on one stream: what is no terminal gets no control character at all.

    A closed pipe is left to the runner, which knows the exit code. Text of somebody
    else cannot command the terminal.
    """

    def __init__(self, stream: TextIO, *, has_colors: bool) -> None:
        is_terminal = stream.isatty()
        super().__init__(
            stderr=stream is sys.stderr,
            highlight=False,
            emoji=False,
            soft_wrap=not is_terminal,
            width=_width() if is_terminal else _ENDLESS,
            # A width is heeded with a height alone where the terminal is a dumb one.
            height=_HEIGHT if _is_dumb() else None,
            # Said outright, because the environment may claim otherwise.
            force_terminal=is_terminal,
            no_color=None if has_colors else True,
        )

    def on_broken_pipe(self) -> None:
        """Raise it: the runner knows what to do."""
        raise BrokenPipeError

    def render_str(self, text: str, **options: Any) -> Text:
        """Render what is clean of anything that commands a terminal."""
        return super().render_str(clean(text), **options)


def _width() -> int | None:
    """Ask a dumb terminal for its width, which rich takes to be 80; None: rich asks."""
    return shutil.get_terminal_size().columns if _is_dumb() else None


def _is_dumb() -> bool:
    return os.environ.get("TERM", "").lower() in {"dumb", "unknown"}
