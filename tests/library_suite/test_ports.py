"""What a caller brings: refused if it lacks something, and used as it is if not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth.tokens import StoredToken, TokenStore
from connectors.clock import SystemClock
from connectors.errors import ConfigError
from connectors.http.pacing import OpenPacer
from sync import api
from sync.ledger import Ledger
from sync.ports import Source, Target
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.server.credentials import Credentials
from sync.wiring.bootstrap import build
from tests.worlds import World, world

if TYPE_CHECKING:
    from pathlib import Path

    from sync.config import Settings

KEYS = Credentials()
COMMANDS = ("migrate", "sync", "plan", "verify", "undo")


def methods_of(protocol: type) -> list[str]:
    return [name for name in vars(protocol) if not name.startswith("_")]


ROLES = [("source", Source), ("target", Target)]
LACKING = [(role, p, name) for role, p in ROLES for name in methods_of(p)]


def bring(protocol: type, without: str, **instead: object) -> object:
    """Return an object with all methods of the Protocol but one."""

    async def method(_self: object, *_args: object) -> None:
        pytest.fail("it was called, though it lacks something")

    names = [name for name in methods_of(protocol) if name != without]
    return type("Brought", (), {**dict.fromkeys(names, method), **instead})()


def test_every_method_is_tried() -> None:
    assert methods_of(Source) == ["extract"]
    assert methods_of(Target) == [
        "open_profile",
        "read_history",
        "read_title",
        "add",
        "set_progress",
        "remove",
    ]


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(("role", "protocol", "name"), LACKING)
async def test_what_lacks_a_method_is_refused_before_anything_is_opened(
    role: str, protocol: type, name: str, command: str, tmp_path: Path
) -> None:
    async with world(synthetic_account(3), tmp_path) as place:
        brought: dict[str, Any] = {role: bring(protocol, name)}
        with pytest.raises(ConfigError) as caught:
            await getattr(api, command)(place.settings, **brought)
        assert caught.value.message == (
            f"The {role} given (Brought) has no method {name}."
        )
        assert f"{protocol.__name__} in sync.ports" in caught.value.remedy
        assert not place.settings.state.tokens.exists()
        assert not (tmp_path / "state.sqlite3").exists()
        assert place.discovr.requests() == place.trakt.requests() == []


@pytest.mark.parametrize("value", [None, "extract", 3])
async def test_a_method_that_cannot_be_called_is_none(
    value: object, tmp_path: Path
) -> None:
    async with world(synthetic_account(3), tmp_path) as place:
        source: Any = bring(Source, "extract", extract=value)
        with pytest.raises(ConfigError, match="has no method extract"):
            await api.plan(place.settings, source=source)


class EmptyTarget:
    """A target that is false, being empty, and has every method all the same."""

    def __len__(self) -> int:
        return 0

    async def open_profile(self) -> str:
        return "nobody"

    async def read_history(self, _on_page: object) -> list[Any]:
        return []

    async def read_title(self, _media: str, _season: int | None) -> list[Any]:
        return []

    async def add(self, *_args: object) -> None: ...

    async def set_progress(self, *_args: object) -> None: ...

    async def remove(self, *_args: object) -> None: ...


async def test_a_target_that_is_empty_is_a_target(tmp_path: Path) -> None:
    async with world(synthetic_account(3), tmp_path) as place:
        target = EmptyTarget()
        async with build(place.settings, target=target) as services:
            assert services.target is target
        assert place.discovr.requests() == []


class CountingPacer(OpenPacer):
    """Lets everything go, and counts it."""

    def __init__(self) -> None:
        super().__init__(clock=SystemClock())
        self.slots = self.answers = 0

    async def acquire(self) -> None:
        self.slots += 1
        await super().acquire()

    def observe(self, status: int, headers: Any) -> None:
        self.answers += 1
        super().observe(status, headers)


async def test_pacers_of_the_callers_say_when_each_request_goes(
    tmp_path: Path,
) -> None:
    pacers = {name: CountingPacer() for name in ("Trakt", "Discovr", "TMDB")}
    async with world(synthetic_account(60, shows=3), tmp_path) as place:
        report = await place.migrate(pacers=pacers)
        assert report.is_complete
        assert report.cost is not None
        assert pacers["Discovr"].slots == len(place.discovr.requests())
        assert pacers["TMDB"].slots == len(place.tmdb.requests()) > 0
        assert pacers["Trakt"].slots == len(place.trakt.requests()) > 0
        assert all(pacer.answers == pacer.slots for pacer in pacers.values())
        # Two calls share it.
        before = pacers["Discovr"].slots
        await api.verify(place.settings, pacers=pacers)
        assert pacers["Discovr"].slots > before


async def test_a_pacer_for_one_service_leaves_the_others_theirs(
    tmp_path: Path,
) -> None:
    pacer = CountingPacer()
    async with world(synthetic_account(10), tmp_path) as place:
        await place.migrate(pacers={"Discovr": pacer})
        assert pacer.slots == len(place.discovr.requests())


async def test_a_pacer_that_no_request_would_ask_is_refused(tmp_path: Path) -> None:
    async with world(synthetic_account(3), tmp_path) as place:
        with pytest.raises(ConfigError) as caught:
            await place.migrate(pacers={"discovr": CountingPacer()})
        assert "no service 'discovr'" in caught.value.message
        assert "Trakt, Discovr, TMDB" in caught.value.remedy


def without_logins(place: World) -> Settings:
    """Return settings without a login, with a token store that must stay untouched."""
    settings = place.settings
    none = {"access_token": None, "refresh_token": None}
    return settings.model_copy(
        update={
            "trakt": settings.trakt.model_copy(update=none),
            "discovr": settings.discovr.model_copy(update={"refresh_token": None}),
        }
    )


async def test_a_store_of_the_callers_holds_the_logins(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "elsewhere" / "tokens.json")
    async with world(synthetic_account(10), tmp_path) as place:
        now = SystemClock().now()
        store.save(
            "trakt",
            StoredToken(access_token=KEYS.trakt_access_token, obtained_at=now),
        )
        store.save(
            "discovr",
            StoredToken(refresh_token=KEYS.discovr_refresh_token, obtained_at=now),
        )
        settings = without_logins(place)
        report = await api.migrate(settings, store=store)
        assert report.is_complete
        assert not settings.state.tokens.exists()
        assert (await api.verify(settings, store=store)).is_complete


async def test_what_trakt_tells_anybody_can_have_a_pacer_of_its_own(
    tmp_path: Path,
) -> None:
    public, signed_in = CountingPacer(), CountingPacer()
    pacers = {"Trakt": signed_in, "Trakt without a login": public}
    async with world(synthetic_account(60, shows=3), tmp_path, has_tmdb=False) as place:
        await place.migrate(pacers=pacers)
        seasons = [
            seen for seen in place.trakt.requests() if seen.path.startswith("/shows/")
        ]
        assert public.slots == len(seasons) > 0
        assert not any(seen.has_login for seen in seasons)
        assert signed_in.slots == len(place.trakt.requests()) - len(seasons)


async def test_a_ledger_of_the_callers_is_used_and_left_open(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'mine.sqlite3'}"
    async with world(synthetic_account(10), tmp_path) as place:
        async with await Ledger.open(url) as ledger:
            first = await place.migrate(ledger=ledger)
            sent = place.writes()
            # One run after the other has it, and each lets go of its profile.
            again = await place.migrate(ledger=ledger)
            await ledger.check_free(first.prepared.profile)
            assert again.is_complete
            assert place.writes() == sent > 0
            assert await ledger.count_applied(first.prepared.profile)
        assert not (tmp_path / "state.sqlite3").exists()
