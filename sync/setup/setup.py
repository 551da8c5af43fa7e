"""One setting-up, step by step: a question, its answer tried at once, the next.

A terminal, options or a page may give the answers; this knows none of them.
"""

from __future__ import annotations

import asyncio
import shlex
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from connectors.clock import SystemClock
from connectors.discovr import auth as discovr
from connectors.errors import ConfigError, RejectedError
from connectors.files import expand
from connectors.http.client import RetryPolicy
from sync.extract.files import FileSource
from sync.extract.remembered import keep_waiting, note_files, stamp
from sync.ledger import Ledger
from sync.ledger.fact_names import EVERYONE, KEY_DECLINED, PROFILES
from sync.login import login_discovr, login_trakt
from sync.runtime.words import count
from sync.setup.config_file import write_config
from sync.setup.questions import (
    ACCOUNT,
    DISCOVR_ID,
    DOWNLOAD,
    FILES,
    QUESTIONS,
    SECRETS,
    SOURCE,
    TMDB_KEY,
    TRAKT_ID,
    Question,
)
from sync.wiring.clients import Clients
from sync.wiring.logins import discovr_login, secret, token_store, trakt_login

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from connectors.clock import Clock
    from connectors.discovr.models import Profile
    from sync.config import Settings
    from sync.documents.login import LoginDocument
    from sync.login import Screen
    from sync.runtime.stop import Stop

#: A person waits: one more try.
_QUICK = RetryPolicy(attempts=2, wait_max_s=1.0)
_TIMEOUT_S = 15.0
#: A film that TMDB has had for long; that it answers is all that is asked.
_KNOWN_FILM = 550


class Setup:
    """The answers so far, on top of the settings that are there already."""

    def __init__(
        self, settings: Settings, place: Path, *, clock: Clock | None = None
    ) -> None:
        self.settings = settings
        self.place = place
        self.source = ""
        self.files: tuple[Path, ...] = ()
        self._clock = clock or SystemClock()
        self._given: dict[str, str] = {}
        self._profile: Profile | None = None

    def questions(self) -> Iterator[Question]:
        """Yield them in order; which come next depends on the answers."""
        for question in QUESTIONS:
            if question.source in (None, self.source):
                yield question

    def known(self, question: Question) -> str | None:
        """Return the answer that the settings give already."""
        section, _, key = question.key.partition(".")
        if not key:
            return None
        value = getattr(getattr(self.settings, section), key)
        return secret(value) if question.key in SECRETS else value

    async def answer(self, question: Question, text: str) -> str:
        """Take an answer and try it; say what was found.

        Raises ConfigError or InputError for one that is wrong, and takes nothing then.
        Another ServiceError says that it could not be tried: ``keep`` takes it all the
        same.
        """
        text = text.strip()
        if question.key == SOURCE:
            return self._choose(text)
        if question.key == FILES:
            return await self._read(text)
        tried = _with(self.settings, question.key, text)
        found = await self._try(question, tried)
        self.keep(question, text)
        return found

    def keep(self, question: Question, text: str) -> None:
        """Take an answer untried."""
        self._given[question.key] = text.strip()
        self.settings = _with(self.settings, question.key, text.strip())

    def _choose(self, text: str) -> str:
        if text not in (DOWNLOAD, ACCOUNT):
            raise ConfigError(
                f"There is no such way: {text!r}.", remedy="Say download or account."
            )
        self.source = text
        return ""

    async def _read(self, text: str) -> str:
        return await self.read_files(await asyncio.to_thread(_find_files, text))

    async def read_files(self, paths: Sequence[Path]) -> str:
        """Take the download; say what is in it. Raises InputError."""
        source = FileSource(paths, self._clock)
        extraction = await source.extract(lambda _done, _total: None)
        self.files = tuple(path.absolute() for path in paths)
        receipt = extraction.receipt
        proof = "proved whole" if receipt.is_whole else "not proved whole"
        return f"{count(extraction.read, 'play')}, {proof}"

    async def _try(self, question: Question, settings: Settings) -> str:
        async with AsyncExitStack() as stack:
            clients = Clients(settings, stack, retry=_QUICK, timeout_s=_TIMEOUT_S)
            if question.key == TMDB_KEY:
                return await _try_tmdb(clients)
            if question.key == TRAKT_ID:
                # Asking for a code needs the id alone; the secret is tried later.
                settings = _with(settings, "trakt.client_secret", "untried")
                await Clients(settings, stack, retry=_QUICK).trakt_device().start()
                return "Trakt knows it"
            if question.key == DISCOVR_ID:
                await clients.discovr_device().start()
                return "Discovr knows it"
        return "it is tried when you sign in"

    def values(self, environment: Mapping[str, Mapping[str, str]]) -> dict[str, Any]:
        """Return what the config has to say, by section and key.

        What the ``environment`` sets belongs to a config that is new, save the logins.
        """
        found: dict[str, dict[str, Any]] = {}
        for section, keys in environment.items():
            for key, value in keys.items():
                if value and not key.endswith("_token"):
                    found.setdefault(section, {})[key] = value
        for name, value in self._given.items():
            section, _, key = name.partition(".")
            found.setdefault(section, {})[key] = value
        if profile := self.settings.discovr.profile:
            found.setdefault("discovr", {})["profile"] = profile
        return found

    def write(self, environment: Mapping[str, Mapping[str, str]]) -> None:
        """Write the config, or what is new in it. Raises ConfigError."""
        write_config(self.place, self.values(environment))

    def logins_needed(self) -> tuple[str, ...]:
        """Return the services where somebody has to sign in yet."""
        store, now = token_store(self.settings), self._clock.now()
        logins = {
            "trakt": trakt_login(self.settings, store, now),
            "discovr": discovr_login(self.settings, store),
        }
        services = ("trakt", "discovr") if self.source == ACCOUNT else ("discovr",)
        return tuple(
            name
            for name in services
            if (login := logins[name]) is None or login.has_ended(now)
        )

    async def sign_in(
        self, clients: Clients, service: str, screen: Screen, stop: Stop
    ) -> LoginDocument:
        """Sign in to a service; of Discovr's profiles one is chosen on the way."""
        if service == "trakt":
            return await login_trakt(clients, screen, stop)
        return await login_discovr(clients, screen, stop)

    def find_profile(
        self, profiles: Sequence[Profile], clients: Clients
    ) -> Profile | None:
        """Return the one that is set, was chosen, or is alone; None if none of it.

        Raises ConfigError, with the list, where the one that is set is not there.
        """
        named = self.settings.discovr.profile or discovr.stored_profile(
            clients.store, clients.discovr_token
        )
        if named:
            return discovr.choose_profile(list(profiles), named)
        return profiles[0] if len(profiles) == 1 else None

    def choose(self, profile: Profile) -> None:
        """Take the profile that receives the history."""
        self._profile = profile
        self.settings = _with(self.settings, "discovr.profile", profile.id)

    async def remember(self) -> None:
        """Note the download, so that no later command has to name it.

        Before anybody has signed in it waits for the first run.
        """
        now, chosen = self._clock.now(), self._profile
        files = await stamp(self.files)
        async with await Ledger.open(self.settings.state.url) as ledger:
            if chosen is None:
                await keep_waiting(ledger, files, now)
            else:
                names = dict.fromkeys((chosen.id, chosen.name), chosen.id)
                await ledger.put_facts(PROFILES, names, now)
                await note_files(ledger, chosen.id, files, now)
            if self.settings.tmdb.api_key is None:
                # Who left it out here is not asked again by the first run.
                await ledger.put_fact(EVERYONE, KEY_DECLINED, value=True, at=now)


async def _try_tmdb(clients: Clients) -> str:
    client = clients.tmdb()
    if client is not None:
        with suppress(RejectedError):  # the key is good, and that film is not there
            await client.title(_KNOWN_FILM, is_film=True)
    return "TMDB accepts it"


def _with(settings: Settings, name: str, text: str) -> Settings:
    """Return the settings with one key set."""
    section, _, key = name.partition(".")
    value = SecretStr(text) if name in SECRETS else text
    part = getattr(settings, section).model_copy(update={key: value})
    return settings.model_copy(update={section: part})


def _find_files(text: str) -> list[Path]:
    """Read one path as it stands, or several as a shell would."""
    whole = expand(Path(text))
    with suppress(ValueError, OSError):
        if not whole.exists():
            return [expand(Path(word)) for word in shlex.split(text)] or [whole]
    return [whole]
