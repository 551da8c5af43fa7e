"""The options that belong to every command."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from sync.runtime.shell import join, quote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path

    from sync.documents.base import Rehearsed
    from sync.domain.filters import Only

PROGRAM = "trakt2discovr"
#: The commands in the order in which a newcomer needs them; others follow by name.
COMMANDS = (
    "setup",
    "migrate",
    "web",
    "sync",
    "plan",
    "apply",
    "verify",
    "undo",
    "restore",
    "status",
    "unmatched",
    "report",
    "page",
    "login",
    "logout",
    "profiles",
    "doctor",
    "notify",
    "fleet",
    "completion",
)
#: The commands that read a file of the person's where one is named.
_READING = ("migrate", "plan", "verify")
#: The commands that leave out what they are told to.
_LEAVING = (*_READING, "sync")
#: The program with a command behind it, as hints and remedies name it.
_CALL = re.compile(
    rf"\b{PROGRAM} (?P<options>(?:-\S+ ){{0,9}})(?P<name>{'|'.join(COMMANDS)})\b"
    r"(?P<file> FILE\b)?(?P<service> (?:trakt|discovr)\b)?"
)


@dataclass(frozen=True, slots=True)
class Context:
    """What stands before the command; ``words`` are all that were typed.

    ``files`` are read; the next command has to name them, unless they are remembered.
    ``locked`` are the services that nobody can sign in to yet, as a key is missing.
    ``since`` and ``only`` were typed: what they leave out is left out for this once.
    ``rehearses`` says whose account a rehearsal is about, once that is known; with
    ``has_two`` that is not plain, as the person's own download was rehearsed too.
    """

    config: Path | None
    is_sandbox: bool
    as_json: bool
    is_verbose: bool
    is_quiet: bool
    has_colors: bool = True
    words: tuple[str, ...] = ()
    profile: str | None = None
    files: tuple[Path, ...] = ()
    is_remembered: bool = False
    locked: frozenset[str] = frozenset()
    since: datetime | None = None
    only: Only | None = None
    rehearses: Rehearsed | None = None
    has_two: bool = False

    @property
    def introduction(self) -> str | None:
        """Whose account a result of this is about; None where that is plain."""
        if self.rehearses == "download":
            return "This rehearses your own download, not the sample account."
        if self.has_two:
            return "This rehearses the sample account, not your own download."
        return None

    @property
    def again(self) -> str:
        """The same command once more, to be pasted into a shell."""
        return join((PROGRAM, *self.words))

    def reading(self, files: Iterable[Path], *, is_remembered: bool) -> Context:
        """Return the same for a command that reads these files."""
        return replace(self, files=tuple(files), is_remembered=is_remembered)

    @property
    def leaving(self) -> tuple[tuple[str, str], ...]:
        """The options that leave something out, as they would be typed."""
        options = []
        if self.since:
            at = f"{self.since:%Y-%m-%dT%H:%MZ}"
            options.append(("--since", at.removesuffix("T00:00Z")))
        if self.only:
            options.append(("--only", self.only.value))
        return tuple(options)

    def call(self, command: str) -> str:
        """Return another command on the same sides, to be pasted into a shell."""
        return self.complete(f"{PROGRAM} {command}")

    def complete(self, text: str, typed: Iterable[str] = ()) -> str:
        """Return words for the person with each command in them on the same sides.

        Whoever wrote them knows neither what stood before the command nor what it read.
        What the person has ``typed``, here or on the command line, stays as it is.
        """
        theirs = [word for word in (*self.words, *typed) if _CALL.search(word)]
        if not theirs:
            return _CALL.sub(self._complete, text)
        parts = re.split(f"({'|'.join(map(re.escape, theirs))})", text)
        ours = (_CALL.sub(self._complete, part) for part in parts[::2])
        return "".join(w for pair in zip_longest(ours, parts[1::2]) for w in pair if w)

    def _complete(self, call: re.Match[str]) -> str:
        before = ["-c", str(self.config)] if self.config else []
        before += ["--profile", self.profile] if self.profile else []
        before += ["--sandbox"] if self.is_sandbox else []
        # Words that were completed once stay as they are.
        typed = [w for w in call["options"].split() if w not in before]
        words = (join((PROGRAM, *before)), *typed)
        name, service = call["name"], call["service"] or ""
        if name == "login" and service.strip() in self.locked:
            return " ".join((*words, "setup"))
        files = ["FILE"] if call["file"] else self._files_of(name)
        left_out = [w for option in self.leaving for w in option if name in _LEAVING]
        return " ".join((*words, name, *files, *left_out)) + service

    def _files_of(self, name: str) -> list[str]:
        # A rehearsal without a file is that of the sample.
        is_known = self.is_remembered and not (self.is_sandbox and name == "migrate")
        if name not in _READING or is_known:
            return []
        option = [] if name == "migrate" else ["--from-file"]
        return [w for file in self.files for w in (*option, quote(_word(file)))]


def _word(file: Path) -> str:
    """Name a file so that it is never taken for an option."""
    name = str(file)
    return f"./{name}" if name.startswith("-") else name
