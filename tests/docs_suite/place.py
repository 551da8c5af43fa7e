"""Where a page is followed: stand-ins that are up, a folder, and the program."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any, Self

from click.testing import CliRunner

from sync.cli.app import app
from sync.config import ENV_PREFIX
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.running import Sandbox
from sync.sandbox.trakt.export import write_export
from sync.sandbox.trakt.quirks import TraktQuirks
from tests.safety.accounts import mixed_account

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from pathlib import Path

    from click.testing import Result

#: They ask before they write; who follows a page says yes.
_ASK = frozenset({"migrate", "apply", "sync", "undo", "page"})
#: A person has to approve it elsewhere; tests/login_suite plays one.
_NEEDS_A_PERSON = frozenset({"login", "logout", "setup"})


class Place:
    """The services in a thread of their own, found by way of the environment.

    A page says ``trakt2discovr migrate`` and that is what runs: the account is small,
    and its download lies in the folder.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        account, own = mixed_account()
        self._services = Sandbox(
            account,
            trakt_quirks=TraktQuirks(approves_after_polls=0, device_interval_s=1),
            discovr_quirks=DiscovrQuirks(approves_after_polls=0),
        )
        discovr = self._services.discovr
        for one in own:
            discovr.person_adds(one.key, progress=one.progress, at=one.at)
        write_export(account, folder / "trakt-export-me.zip")

    def __enter__(self) -> Self:
        self._thread.start()
        self._wait_for(self._services.__aenter__())
        return self

    def __exit__(self, *_: object) -> None:
        self._wait_for(self._services.__aexit__())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def environment(self) -> dict[str, str]:
        """Return the variables that lead the program here."""
        sections = self._services.config()
        sections["discovr"]["requests_per_second"] = "500"
        sections["state"] = {
            "url": f"sqlite:///{self.folder / 'state.sqlite3'}",
            "tokens": str(self.folder / "tokens.json"),
        }
        # A page may show one; nobody out there is to be pinged for it.
        sections["sync"] = {"heartbeat": ""}
        return {
            f"{ENV_PREFIX}{section.upper()}__{key.upper()}": value
            for section, keys in sections.items()
            for key, value in keys.items()
        }

    def _wait_for(self, work: Coroutine[Any, Any, object]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(60)


def follow(words: list[str]) -> Result | None:
    """Run one call as it stands, and answer yes; None where only its words can be."""
    name, rest = check(words)
    if name in _NEEDS_A_PERSON or "--every" in rest:
        return None
    writes = name in _ASK or "--publish" in rest
    answer = ["--yes"] if writes and not {"--yes", "--dry-run"} & {*rest} else []
    return CliRunner().invoke(app, [*words, *answer])


def check(words: list[str]) -> tuple[str, list[str]]:
    """Return the command and what follows it; raise where either is not known."""
    place = next((i for i, word in enumerate(words) if word in app.commands), None)
    if place is None:
        # Such as --version, which stands alone.
        assert CliRunner().invoke(app, words).exit_code == 0, words
        return "", []
    name, rest = words[place], words[place + 1 :]
    whole = app.make_context("trakt2discovr", words[: place + 1])
    if "--help" not in rest:
        app.commands[name].make_context(name, list(rest), parent=whole)
    return name, rest
