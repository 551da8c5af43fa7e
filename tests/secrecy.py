"""One check over everything that the tests print and write: no secret is in it.

The stand-ins' secrets are known beforehand, as they are made from names. Looked at is
what the program printed (in this process, in others, on pseudo-terminals) and every
file that it left, but those in which secrets belong.
"""

from __future__ import annotations

import os
import re
from dataclasses import astuple
from pathlib import Path
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner

from sync.sandbox.server.credentials import Credentials, made_up

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    import pytest

#: The token stores, the journals of the stand-ins (which check tokens), and what a
#: person, here a test, wrote: config files and environments.
KEEPERS = re.compile(r"tokens.*|.*\.(jsonl|env|json\.lock)|.*config.*\.toml|keyring.*")
#: Stands in the address of somebody who is told (``[notify] urls``).
NOTIFY_TOKEN = made_up("notify address", 40)
LARGEST = 4 * 2**20
#: Logins that a stand-in issues in one test.
_ISSUED = 12
_KINDS = (
    ("", "trakt access token", 64),
    ("", "trakt refresh token", 64),
    ("rt_", "discovr refresh token", 48),
)


#: Descriptors through which a test talks to what is none of ours, such as a browser
#: in which it types a key.
of_others: set[int] = set()


def open_descriptors() -> set[int]:
    """Return those of this process, where the system tells."""
    folder = Path("/proc/self/fd")
    return {int(fd.name) for fd in folder.iterdir()} if folder.exists() else set()


def known_secrets() -> list[str]:
    """Return what is given to the program, and what the stand-ins issue to it."""
    given = [value for value in astuple(Credentials()) if len(value) > 20]
    return [*given, NOTIFY_TOKEN] + [
        prefix + made_up(f"{kind} {number}", length)
        for prefix, kind, length in _KINDS
        for number in range(_ISSUED)
    ]


#: Also a session token, which is a signed JWT.
SECRET = re.compile(
    b"|".join(
        [
            *(re.escape(secret).encode() for secret in known_secrets()),
            rb"eyJ[\w-]{16,}\.[\w-]{16,}\.[\w-]{16,}",
        ]
    )
)


class Printed:
    """What was printed while one test ran."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._parts: list[bytes] = []
        read, invoke = os.read, CliRunner.invoke

        def read_and_keep(descriptor: int, length: int) -> bytes:
            # Pipes of other processes and pseudo-terminals are read with this.
            data = read(descriptor, length)
            if descriptor not in of_others:
                self._parts.append(data)
            return data

        def invoke_and_keep(runner: CliRunner, *args: Any, **options: Any) -> Any:
            result = invoke(runner, *args, **options)
            self._parts += [result.stdout_bytes, result.stderr_bytes or b""]
            return result

        monkeypatch.setattr(os, "read", read_and_keep)
        monkeypatch.setattr(CliRunner, "invoke", invoke_and_keep)

    def text(self) -> bytes:
        """Return all of it."""
        return b"".join(self._parts)


def files_with_secrets(folders: Iterable[Path]) -> Iterator[str]:
    """Name the files that hold one and should not."""
    for folder in folders:
        for path in folder.rglob("*"):
            if path.is_file() and not path.is_symlink() and holds_secret(path):
                yield path.name


def holds_secret(path: Path) -> bool:
    """Whether a file holds a secret that does not belong there."""
    if KEEPERS.fullmatch(path.name) or path.stat().st_size > LARGEST:
        return False
    if not os.access(path, os.R_OK):
        return False
    return SECRET.search(path.read_bytes()) is not None
