"""Gone from where it came from: only the source that brought an entry can lack it."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from sync.cli.view.end import next_command
from sync.domain.plays import Ids, Key, Kind, Play, Title
from sync.domain.sources import SourceRecord, resolve
from sync.pipeline import run as pipeline
from sync.sandbox.account.account import Account, Stamps
from sync.sandbox.trakt.export import write_export
from sync.wiring.bootstrap import build
from tests.clocks import FakeClock
from tests.long import examples
from tests.pipeline_suite.test_sync import NOW, Life, agree
from tests.safety.accounts import film, watched_on
from tests.strangers_suite.unread import A_WEEK
from tests.terminal_suite.reports import context
from tests.worlds import world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Iterable
    from pathlib import Path

    from sync.pipeline.result import Report

FILMS = range(1, 13)


def key(number: int) -> Key:
    return Key(f"MV_{100 + number}")


def account_of(user: str, numbers: Iterable[int], *, first_id: int = 0) -> Account:
    """Return an account in which these films were watched, each once.

    With another ``first_id`` two accounts have no play of one id.
    """
    account = Account([film(n) for n in FILMS], user=user)
    account._last_id += first_id
    for number in numbers:
        account.add_play(account.find(f"Film {number}"), watched_on(number))
    return account


def write_file(
    account: Account, path: Path, at: datetime, *, is_owned: bool = True
) -> Path:
    """Write a download made then, with or without a word on whose it is."""
    account.stamps = Stamps.all_at(at)
    shutil.rmtree(path, ignore_errors=True)
    write_export(account, path)
    if not is_owned:
        for name in ("user-profile.json", "user-settings.json"):
            (path / name).unlink()
    else:
        for name in ("user-profile.json", "user-settings.json"):
            text = (path / name).read_text()
            (path / name).write_text(text.replace("b6589fc6", account.user))
    return path


class Sources(Life):
    """A life in which files are read beside the account."""

    async def migrate(self, *files: Path, **options: Any) -> Report:
        self.clock.advance(3600)
        settings = self.place.settings
        async with build(settings, clock=self.clock, files=files) as services:
            return await pipeline.migrate(services, confirm=agree, **options)

    async def verify(self, *files: Path) -> Report:
        self.clock.advance(3600)
        settings = self.place.settings
        async with build(
            settings, clock=self.clock, files=files, is_dry=True
        ) as services:
            return await pipeline.verify(services)

    async def sync_whole(self, **options: Any) -> Report:
        self.clock.advance(A_WEEK)
        return await self.sync(**options)

    def there(self) -> set[Key]:
        return {e.key for e in self.place.discovr.entries()}

    def remove(self, *numbers: int) -> None:
        for number in numbers:
            for play in self.account.plays_of(self.account.find(f"Film {number}")):
                self.account.remove_play(play.id)


@asynccontextmanager
async def sources(account: Account, folder: Path) -> AsyncIterator[Sources]:
    """Open a world around an account, in which all go by one clock."""
    clock = FakeClock(NOW)
    account.stamps = Stamps.all_at(NOW - timedelta(days=1))
    account._now = clock.now
    async with world(account, folder, now=clock.now) as place:
        yield Sources(place, clock)


async def test_a_second_file_does_not_lack_what_the_first_brought(
    tmp_path: Path,
) -> None:
    mine, other = account_of("me", [1, 2]), account_of("you", [3], first_id=50)
    for is_owned in (True, False):
        folder = tmp_path / str(is_owned)
        folder.mkdir()
        first = write_file(mine, folder / "a", watched_on(20), is_owned=is_owned)
        second = write_file(other, folder / "b", watched_on(30), is_owned=is_owned)
        async with sources(mine, folder) as it:
            await it.migrate(first)
            report = await it.migrate(second)
            assert report.prepared.stale.keys == ()
            found = report.verification
            assert found is not None
            assert found.is_clean
            assert found.elsewhere == (key(1), key(2))
            assert "prune" not in next_command(report, context(), "migrate")
            checked = await it.verify(second)
            assert checked.verification == found
            assert it.there() == {key(1), key(2), key(3)}


@pytest.mark.parametrize("is_owned", [True, False])
async def test_a_scheduled_prune_leaves_what_an_extra_file_once_brought(
    tmp_path: Path, *, is_owned: bool
) -> None:
    mine, other = account_of("me", [1, 2, 4]), account_of("you", [3, 4], first_id=50)
    extra = write_file(other, tmp_path / "b", NOW, is_owned=is_owned)
    async with sources(mine, tmp_path) as it:
        await it.sync()
        await it.migrate(extra)
        for _ in range(2):
            report = await it.sync_whole(prune=True)
            assert report.prepared.stale.keys == ()
        # What both hold is gone when both lack it.
        it.remove(2, 4)
        assert (await it.sync(prune=True)).prepared.stale.keys == (key(2),)
        assert it.there() == {key(1), key(3), key(4)}
        less = write_file(account_of("you", [3], first_id=50), tmp_path / "b", NOW)
        report = await it.migrate(less)
        assert report.prepared.stale.keys == ((key(4),) if is_owned else ())
        await it.sync_whole(prune=True)
        assert it.there() == {key(1), key(3)} | (set() if is_owned else {key(4)})


async def test_a_download_and_the_account_of_one_user_are_one_source(
    tmp_path: Path,
) -> None:
    mine = account_of("sandbox", [1, 2, 3])
    download = write_export(mine, tmp_path / "download")
    async with sources(mine, tmp_path) as it:
        await it.migrate(download)
        it.remove(2)
        report = await it.sync(prune=True)
        assert report.prepared.stale.keys == (key(2),)
        assert it.there() == {key(1), key(3)}
        # And the other way round: a newer download lacks what the account had.
        it.remove(3)
        newer = write_export(mine, tmp_path / "newer")
        stamps = tmp_path / "newer" / "user-last-activities.json"
        text = json.loads(stamps.read_text())
        at = it.clock.now() + timedelta(minutes=30)
        text["all"] = f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%S.000Z}"
        stamps.write_text(json.dumps(text))
        assert (await it.migrate(newer)).prepared.stale.keys == (key(3),)


async def test_a_reading_that_is_older_says_nothing(tmp_path: Path) -> None:
    mine = account_of("sandbox", [1, 2])
    old = write_file(mine, tmp_path / "old", watched_on(20))
    (old / "user-profile.json").write_text(json.dumps({"username": "sandbox"}))
    (old / "user-settings.json").unlink()
    async with sources(mine, tmp_path) as it:
        mine.add_play(mine.find("Film 3"), watched_on(40))
        await it.sync_whole()
        it.remove(1)
        await it.sync_whole(prune=True)
        assert it.there() == {key(2), key(3)}
        report = await it.migrate(old)
        assert report.prepared.stale.keys == ()
        assert it.there() == {key(1), key(2), key(3)}
        # The account itself lacks what its old download brought back.
        assert (await it.sync_whole()).prepared.stale.keys == (key(1),)


async def test_another_login_is_another_source(tmp_path: Path) -> None:
    mine, other = account_of("me", [1, 2]), account_of("you", [3, 4], first_id=50)
    async with sources(mine, tmp_path) as it:
        await it.sync()
        trakt = it.place.trakt
        trakt.account = trakt._history._account = other
        trakt._history._cached_version = -1
        report = await it.sync_whole(prune=True, is_forced=True)
        assert report.prepared.stale.keys == ()
        assert it.there() == {key(n) for n in (1, 2, 3, 4)}


async def test_a_ledger_from_before_is_adopted_and_the_rest_named_once(
    tmp_path: Path,
) -> None:
    mine, other = account_of("me", [1, 2]), account_of("you", [3], first_id=50)
    extra = write_file(other, tmp_path / "b", NOW, is_owned=False)
    async with sources(mine, tmp_path) as it:
        await it.sync()
        await it.migrate(extra)
        age(tmp_path)
        report = await it.sync(prune=True)
        holding = report.prepared.holding
        assert holding
        assert [h.media for h in holding.unplaced] == ["MV_103"]
        assert report.prepared.stale.keys == ()
        it.remove(2)
        report = await it.sync_whole(prune=True)
        assert report.prepared.holding
        assert report.prepared.holding.unplaced == ()
        assert report.prepared.stale.keys == (key(2),)
        assert it.there() == {key(1), key(3)}


def age(folder: Path) -> None:
    """Make the ledger one from before sources were noted."""
    with closing(sqlite3.connect(folder / "state.sqlite3")) as ledger, ledger:
        ledger.execute("DELETE FROM t2d_source")
        ledger.execute("UPDATE t2d_title SET source = ''")
        ledger.execute("DELETE FROM t2d_fact WHERE name IN ('watermark', 'stale')")


async def test_with_a_lost_ledger_no_prune_is_advised_that_finds_nothing(
    tmp_path: Path,
) -> None:
    mine = account_of("me", [1, 2, 3])
    async with sources(mine, tmp_path) as it:
        await it.sync()
        (tmp_path / "state.sqlite3").unlink()
        it.remove(2)
        for check in (it.verify, it.sync, it.verify):
            found = (report := await check()).verification
            assert found is not None
            assert (found.unexpected, found.foreign) == ((), (key(2),))
            assert not found.is_clean
            for command in ("migrate", "sync", "verify"):
                # A sync that finds nothing to take back is no way out either.
                advised = next_command(report, context(), command)
                assert advised.endswith(" report --html report.html")
        assert (await it.sync_whole(prune=True)).undone is None
        assert key(2) in it.there()


# Random accounts, with files beside them.

NUMBERS = st.sets(st.sampled_from(FILMS), min_size=1)
FILES = st.lists(
    st.tuples(NUMBERS, st.sampled_from(["me", "you", ""]), st.integers(-30, 30)),
    max_size=3,
)


@examples(
    *(6, 30, 100),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(mine=NUMBERS, later=NUMBERS, files=FILES)
async def test_nothing_goes_that_any_source_may_still_hold(
    tmp_path_factory: pytest.TempPathFactory,
    mine: Collection[int],
    later: Collection[int],
    files: list[tuple[set[int], str, int]],
) -> None:
    """Law 14, told anew: the account, then files, then the account as it is later."""
    folder = tmp_path_factory.mktemp("sources")
    # With nothing in common it would be taken for another account.
    later = {*later, min(mine)}
    account = account_of("me", mine)
    async with sources(account, folder) as it:
        await it.sync()
        asked = it.clock.now()
        held: dict[str, set[int]] = {}
        newest: dict[str, datetime] = {}
        for number, (films, owner, days) in enumerate(files):
            at = asked + timedelta(days=days)
            ids = {"me": 0, "you": 100, "": 200}[owner]
            of_file = account_of(owner or "x", films, first_id=ids)
            path = folder / f"file-{number}"
            write_file(of_file, path, at, is_owned=bool(owner))
            if owner == "me":
                named = json.dumps({"username": "me"})
                (path / "user-profile.json").write_text(named)
                (path / "user-settings.json").unlink()
            wait = (at - it.clock.now()).total_seconds() + 3600
            it.clock.advance(max(wait, 0))
            await it.migrate(path)
            if owner and at >= newest.get(owner, at):
                newest[owner] = at
                held[owner] = set()
            held[owner] = held.get(owner, set()) | films
        for number in {*mine} - {*later}:
            it.remove(number)
        for number in {*later} - {*mine}:
            account.add_play(account.find(f"Film {number}"), watched_on(number))
        it.clock.advance(timedelta(days=40).total_seconds())
        await it.sync_whole(prune=True, is_forced=True)
        others = {n for who, films in held.items() if who != "me" for n in films}
        left = {int(k.media.removeprefix("MV_")) - 100 for k in it.there()}
        assert {*later} | others <= left
        # And what only the account held, and lacks now, is gone.
        assert left <= {*later} | others


TITLE = Title(Kind.FILM, "Film", 2000, Ids(trakt=1))
PLAY = Play(TITLE, watched_on(1), id=5)
NAMES = st.sets(st.sampled_from(["name:a", "name:b", "uuid:1", "uuid:2"])).map(
    frozenset
)


@given(owner=NAMES, known=st.lists(NAMES, max_size=4), channel=st.booleans())
def test_a_reading_is_of_one_account_at_most(
    owner: frozenset[str], known: list[frozenset[str]], *, channel: bool
) -> None:
    records = [SourceRecord(f"s{n}", "", names) for n, names in enumerate(known)]
    found = resolve(records, "Trakt" if channel else "", owner, lambda _id: False)
    for part in found.parts:
        uuids = [{n for n in o if n[:4] == "uuid"} for o in (part.owner, owner)]
        assert not all(uuids) or uuids[0] & uuids[1]
    taken = {r.id for r in records}
    assert found.parts or found.id not in taken
