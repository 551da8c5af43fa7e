"""The program on a terminal of a certain width, and what a person then sees there.

Snapshots are text files beside the tests. After a wanted change renew them, and read
the difference before it is committed: pytest tests/terminal_suite --snapshot-update
"""

from __future__ import annotations

import os
import re
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pyte
from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from tests.login_suite.programs import LINES, Program, program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

#: What ends up on no terminal and in no pipe: everything but text and line ends.
CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")
_TIMES = re.compile(r"(?<=took )(?:\d+ (?:second|minute)s? ?)+(?=and)")
_WIDTHLESS = re.compile("[\u200b-\u200f\u2060-\u2069]")
_COUNTS = re.compile(r"\d+ requests? \([^)]*\)")


class TextFiles(SingleFileSnapshotExtension):
    """One readable text file a snapshot."""

    _write_mode = WriteMode.TEXT
    file_extension = "txt"


def home(folder: Path, **more: str) -> dict[str, str]:
    """Return the environment of a person whose home is that folder."""
    ours = {
        "HOME": str(folder),
        "TERM": "xterm-256color",
        "PYTHONIOENCODING": "utf-8",
        "PATH": os.environ["PATH"],
    }
    return {**ours, **more}


def render(output: str, columns: int) -> str:
    """Return what a terminal of that width shows in the end."""
    screen = pyte.Screen(columns, LINES)
    # At a letter without width pyte leaves out the rest of the line.
    pyte.Stream(screen).feed(_WIDTHLESS.sub("", output))
    return "\n".join(line.rstrip() for line in screen.display).rstrip() + "\n"


#: A path that is wider than the terminal goes on in the next line, at any letter.
_COPY = re.compile(r"/\S+?(\n\S+?)*?" + r"\n?".join([r"\.", *"json"]))


def steady(text: str) -> str:
    """Replace what differs from run to run: times, paths, and how often was asked."""
    text = _COPY.sub("COPY.json", text)
    return _COUNTS.sub("N requests", _TIMES.sub("N seconds ", text))


@asynccontextmanager
async def terminal(
    *args: str, columns: int, env: dict[str, str]
) -> AsyncIterator[Program]:
    """Run the program on a terminal of that width."""
    async with program(*args, env=env, columns=columns) as run:
        yield run


async def shown(*args: str, columns: int, env: dict[str, str]) -> tuple[int, str]:
    """Run it to its end: the exit code, and what was sent to the terminal."""
    async with terminal(*args, columns=columns, env=env) as run:
        code = await run.ends()
        return code, run.screen


async def piped(*args: str, env: dict[str, str]) -> tuple[int, str, str]:
    """Run it to its end without any terminal: exit code, stdout and stderr."""
    async with program(*args, env=env) as run:
        code = await run.ends()
        return code, run.stdout, run.screen
