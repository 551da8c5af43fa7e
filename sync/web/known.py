"""What is known of a move: the settings, the logins, what is chosen, past runs.

All of it is on disk: in the config, the token store, the state database, a private
folder. A new process finds it there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict, Unpack

from connectors.clock import SystemClock
from connectors.discovr.auth import stored_profile
from connectors.discovr.models import Profile
from connectors.errors import ConfigError, InputError, ServiceError
from sync.ledger import Ledger
from sync.ledger.fact_names import PROFILES, recall_profile, recall_undoing
from sync.setup.config_file import write_config
from sync.setup.questions import ACCOUNT, QUESTIONS
from sync.setup.setup import Setup
from sync.web.choice import NOTHING, Choice, recall_choice
from sync.web.proof import Proof, recall_proof
from sync.wiring.logins import missing_keys, secret, token_store

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from connectors.clock import Clock
    from sync.config import Settings
    from sync.documents.base import ProfileDocument
    from sync.ledger.records import Run
    from sync.wiring.logins import Service

#: So many of the latest runs are listed.
_RUNS = 20
_CARRYING = ("migrate", "sync", "apply")


class KnownOptions(TypedDict, total=False):
    """``environment`` belongs to a config that is new.

    A rehearsal has a ``sample``, which writes a download to that path. ``complete``
    says a command in words as it has to be typed for these settings.
    """

    environment: Mapping[str, Mapping[str, str]]
    sample: Callable[[Path], object] | None
    complete: Callable[[str], str]
    clock: Clock


class Known:
    """``load`` reads the settings, also after they were changed.

    ``place`` is the config that is written, ``folder`` a private one.
    """

    def __init__(
        self,
        load: Callable[[], Settings],
        place: Path,
        folder: Path,
        **options: Unpack[KnownOptions],
    ) -> None:
        self.settings = load()
        self.place = place
        self.folder = folder
        self.sample = options.get("sample")
        self.complete = options.get("complete") or str
        self.clock = options.get("clock") or SystemClock()
        self.choice: Choice = NOTHING
        self.profiles: tuple[ProfileDocument, ...] = ()
        self.profile_name = ""
        self.proof: Proof | None = None
        #: The services that have refused a login that is kept here.
        self.refused: set[str] = set()
        #: A run, or an undo, that an earlier process did not bring to its end.
        self.is_broken_off = self.is_undo_broken_off = False
        #: What went wrong outside of a job, until something is done next.
        self.problem: ServiceError | None = None
        #: What is said once, on the next page.
        self.notice = ""
        self._load = load
        self._environment = options.get("environment", {})

    async def open(self) -> None:
        """Find out where it stands."""
        try:
            self.choice = await recall_choice(
                self.folder, self.settings, has_account=self.is_signed_in("trakt")
            )
            await self._find_out()
        except ServiceError as error:
            self.problem = error

    @property
    def is_rehearsal(self) -> bool:
        """Whether all of it happens on stand-ins."""
        return self.sample is not None

    def missing_keys(self, service: Service) -> list[str]:
        """Return the settings that a sign-in needs, and that are not there."""
        return missing_keys(self.settings, service)

    def is_signed_in(self, service: Service) -> bool:
        """Whether there is a login that nobody has refused."""
        if service in self.refused:
            return False
        try:
            return service not in self._setup(ACCOUNT).logins_needed()
        except ConfigError as error:
            self.problem = error
            return False

    @property
    def has_source(self) -> bool:
        """Whether it is known what is read, and it can be."""
        if self.choice.source == ACCOUNT:
            return self.is_signed_in("trakt")
        return bool(self.choice.files)

    @property
    def has_target(self) -> bool:
        """Whether it is known where it goes, and it can."""
        return bool(self.profile) and self.is_signed_in("discovr")

    @property
    def profile(self) -> str | None:
        """What was chosen to receive the history: an id or a name."""
        chosen = self.settings.discovr.profile
        configured = secret(self.settings.discovr.refresh_token)
        return chosen or stored_profile(token_store(self.settings), configured)

    async def answer(self, answers: Mapping[str, str]) -> list[str]:
        """Take keys: try each, and write them into the config; say what was found.

        Raises ConfigError or InputError for one that is wrong, and takes none then.
        """
        setup, found = Setup(self.settings, self.place, clock=self.clock), []
        for question in QUESTIONS:
            text = answers.get(question.key, "").strip()
            if not text:
                continue
            try:
                found.append(await setup.answer(question, text))
            except (ConfigError, InputError):
                raise
            except ServiceError as error:
                # A service that is down is no reason to have typed it in vain.
                found.append(f"it cannot be tried now: {error.message}")
                setup.keep(question, text)
        setup.write({} if self.place.exists() else self._environment)
        self.settings = self._load()
        return found

    def skip(self, skip: str, *, is_left_out: bool) -> None:
        """Leave a title out from now on, or take it in again. Raises ConfigError."""
        skips = [one for one in self.settings.history.skip if one != skip]
        skips += [skip] if is_left_out else []
        write_config(self.place, {"history": {"skip": skips}})
        self.settings = self._load()
        if (skip in self.settings.history.skip) is not is_left_out:
            raise ConfigError(
                "The environment says which titles are left out, and goes before this.",
                remedy="Change TRAKT2DISCOVR_HISTORY__SKIP where it is set.",
            )

    async def choose_profile(self, profile_id: str) -> None:
        """Take the profile that receives the history, for later commands too."""
        found = [one for one in self.profiles if one.id == profile_id]
        if not found:
            raise InputError("There is no such profile.", remedy="Choose one of these.")
        await self.keep_profile(found[0])

    async def keep_profile(self, profile: ProfileDocument) -> None:
        """Take this one, and remember what is read for it."""
        setup = self._setup(self.choice.source)
        setup.files = self.choice.files
        setup.choose(Profile(id=profile.id, name=profile.name))
        setup.write({} if self.place.exists() else self._environment)
        await setup.remember()
        self.settings = self._load()
        self.profile_name = profile.name
        self.proof = None

    async def runs(self) -> tuple[Sequence[Run], frozenset[int]]:
        """Return the latest runs, newest first, and those of which anything stands."""
        async with Ledger(self.settings.state.url, is_read_only=True) as ledger:
            if not (await ledger.describe()).is_current:
                return (), frozenset()
            profile = await recall_profile(ledger, self.profile)
            if profile is None:
                return (), frozenset()
            runs = await ledger.runs(profile, limit=_RUNS)
            return runs, frozenset(await ledger.count_applied(profile))

    def _setup(self, source: str) -> Setup:
        setup = Setup(self.settings, self.place, clock=self.clock)
        setup.source = source
        return setup

    async def _find_out(self) -> None:
        """Recall what the profile is called, and what the last run proved."""
        wanted = self.profile
        async with Ledger(self.settings.state.url, is_read_only=True) as ledger:
            if not (await ledger.describe()).is_current:
                return
            profile = await recall_profile(ledger, wanted)
            names: dict[str, str] = await ledger.get_facts(PROFILES)
            latest = (
                await ledger.runs(profile, limit=1, commands=_CARRYING)
                if profile
                else []
            )
            undoing = await recall_undoing(ledger, profile) if profile else ()
        self.is_undo_broken_off = bool(undoing)
        self.is_broken_off = any(run.outcome != "loaded" for run in latest)
        called = (n for n, found in names.items() if found == profile and n != found)
        self.profile_name = next(filter(None, called), wanted or "")
        self.proof = await recall_proof(self.settings)
