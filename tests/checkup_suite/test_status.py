"""``status``: what is known here is told, what is not is named; nobody is asked."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from connectors.auth.tokens import StoredToken, TokenStore
from sync import api
from sync.checkup.status import read_status
from sync.cli.app import app
from sync.config import Settings
from sync.documents.status import StatusDocument
from sync.domain.watermark import Watermark
from sync.ledger import Ledger, Outcome
from sync.ledger.fact_names import SCHEDULE, WATERMARK
from sync.sandbox.account.sample import sample_account
from sync.sandbox.account.synthetic import synthetic_account
from tests.clocks import FakeClock
from tests.ledger_suite.factories import make_operations
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
SECRET = "s3cret-of-the-login"


@asynccontextmanager
async def place(folder: Path, plays: int = 5) -> AsyncIterator[World]:
    async with world(synthetic_account(plays), folder) as where:
        yield where


def local(folder: Path, **discovr: Any) -> Settings:
    state = {"url": f"sqlite:///{folder}/state.db", "tokens": folder / "tokens.json"}
    return Settings.model_validate({"state": state, "discovr": discovr})


async def look(settings: Settings) -> StatusDocument:
    return await read_status(settings, clock=FakeClock(NOW))


def show(folder: Path, *options: str) -> Result:
    """Run the command on the state below that folder."""
    env = {
        "TRAKT2DISCOVR_STATE__URL": f"sqlite:///{folder}/state.db",
        "TRAKT2DISCOVR_STATE__TOKENS": str(folder / "tokens.json"),
    }
    return CliRunner().invoke(app, [*options, "status"], env=env)


def store_login(folder: Path, service: str, days: float, **extra: str) -> None:
    token = StoredToken(
        access_token=SECRET,
        refresh_token=f"{SECRET}-2",
        obtained_at=NOW - timedelta(days=90 - days),
        expires_at=NOW + timedelta(days=days),
        extra=extra,
    )
    TokenStore(folder / "tokens.json").save(service, token)


def files_in(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_where_nothing_is_yet_each_line_says_what_to_run(tmp_path: Path) -> None:
    result = show(tmp_path)
    assert result.exit_code == 0
    assert "none is chosen yet: trakt2discovr setup" in result.stdout
    assert "trakt        none; a download needs none" in result.stdout
    assert "trakt2discovr migrate FILE makes it" in result.stdout
    assert files_in(tmp_path) == set()


async def test_after_a_run_it_tells_what_that_run_did(tmp_path: Path) -> None:
    async with world(sample_account(), tmp_path) as where:
        report = await where.migrate()
        seen = [len(s.seen) for s in (where.trakt, where.discovr, where.tmdb)]
        document = await look(where.settings)
        asked = [len(s.seen) for s in (where.trakt, where.discovr, where.tmdb)]
    assert asked == seen
    assert document.wanted == "Me"
    assert document.profile == report.prepared.profile
    (profile,) = document.profiles
    assert profile.is_chosen
    assert profile.names == ("Me",)
    assert profile.last_run is not None
    assert profile.last_run.number == report.run
    assert profile.last_run.command == "migrate"
    assert profile.last_run.outcome == "finished"
    assert profile.last_run.plays == report.balance()[0].read
    assert profile.last_run.writes == len(report.prepared.plan.operations)
    assert profile.last_run.failed == 0
    assert profile.unmatched is not None
    assert profile.unmatched.titles == len(report.prepared.compared.desired.unmatched)
    assert profile.unsupported is not None
    assert profile.unsupported.plays == sum(
        left.plays for left in report.prepared.unsupported
    )
    assert (profile.pending, profile.unclear, profile.removed) == (0, 0, 0)
    assert profile.holder is None
    assert profile.next_run_at is None
    assert profile.watermark_at is not None
    assert profile.reconciled_at is not None
    assert profile.last_checked_at is not None


async def test_it_works_while_a_run_holds_the_profile_and_says_who(
    tmp_path: Path,
) -> None:
    async with (
        place(tmp_path) as where,
        await Ledger.open(where.settings.state.url) as ledger,
    ):
        report = await where.migrate()
        profile = report.prepared.profile
        async with ledger.profile_lock(profile, command="migrate", at=NOW):
            run = await ledger.start_run(profile, "migrate", NOW)
            during = await look(where.settings)
        after = await look(where.settings)
    holder = during.profiles[0].holder
    assert holder is not None
    assert (holder.command, holder.since) == ("migrate", NOW)
    for document, outcome in ((during, "under way"), (after, "broken off")):
        last = document.profiles[0].last_run
        assert last is not None
        assert (last.number, last.outcome, last.plays) == (run, outcome, None)
    assert after.profiles[0].holder is None


async def test_a_run_that_broke_off_is_not_under_way_because_another_begins(
    tmp_path: Path,
) -> None:
    settings = local(tmp_path, profile="p-1")
    async with await Ledger.open(settings.state.url) as ledger:
        await ledger.start_run("p-1", "migrate", NOW - timedelta(days=1))
        async with ledger.profile_lock("p-1", command="migrate", at=NOW):
            document = await look(settings)
    (profile,) = document.profiles
    assert profile.last_run is not None
    assert profile.last_run.outcome == "broken off"
    assert profile.holder is not None


async def test_what_is_open_is_counted(tmp_path: Path) -> None:
    settings = local(tmp_path, profile="p-1")
    async with await Ledger.open(settings.state.url) as ledger:
        run = await ledger.start_run("p-1", "migrate", NOW)
        operations = make_operations(6)
        await ledger.intend(run, operations, NOW)
        outcomes = [
            (operations[0].id, Outcome.APPLIED, ""),
            (operations[1].id, Outcome.UNKNOWN, "timeout"),
            (operations[2].id, Outcome.REJECTED, "refused"),
        ]
        await ledger.settle(run, outcomes, NOW)
        summary = {"plays": 9, "operations": 6, "failed": 5}
        await ledger.finish_run(run, NOW, "stopped", summary)
    (profile,) = (await look(settings)).profiles
    assert (profile.pending, profile.unclear) == (3, 1)
    assert profile.last_run is not None
    assert (profile.last_run.outcome, profile.last_run.failed) == ("stopped", 5)
    assert profile.unmatched is None
    assert profile.removed is None


def test_the_words_for_what_is_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRAKT2DISCOVR_TRAKT__CLIENT_ID", "there")

    async def fill() -> None:
        async with await Ledger.open(f"sqlite:///{tmp_path}/state.db") as ledger:
            at = datetime.now(UTC)
            run = await ledger.start_run("p-1", "migrate", at)
            await ledger.intend(run, make_operations(2), at)
            due = {"next_run_at": (at - timedelta(hours=5)).isoformat()}
            await ledger.put_fact("p-1", SCHEDULE, due, at)

    asyncio.run(fill())
    text = show(tmp_path).stdout
    assert "broken off, trakt2discovr migrate resumes it" in text
    assert "2 not answered: the next run looks them up" in text
    assert "was due" in text
    assert "5 hours ago" in text
    assert "is it still running?" in text
    assert "none yet: trakt2discovr sync sets it" in text
    assert "not known" in text


async def test_schedule_and_watermark_are_what_runs_have_noted(tmp_path: Path) -> None:
    settings = local(tmp_path, profile="p-1")
    due, settled = NOW + timedelta(hours=6), NOW - timedelta(hours=1)
    async with await Ledger.open(settings.state.url) as ledger:
        await ledger.start_run("p-1", "sync", NOW)
        schedule = {"next_run_at": due.isoformat(), "every_s": 21600}
        await ledger.put_fact("p-1", SCHEDULE, schedule, NOW)
        watermark = Watermark(
            at=settled,
            checked_at=NOW - timedelta(minutes=5),
            reconciled_at=NOW - timedelta(days=2),
            stamps={},
            stale=["TV_1", "MV_2"],
        ).to_fact()
        await ledger.put_fact("p-1", WATERMARK, watermark, NOW)
        (profile,) = (await look(settings)).profiles
        assert (profile.next_run_at, profile.every_s) == (due, 21600)
        assert profile.watermark_at == settled
        assert profile.last_checked_at == NOW - timedelta(minutes=5)
        assert profile.reconciled_at == NOW - timedelta(days=2)
        assert profile.removed == 2
        # Somebody stopped the job: there is no next run, and none is under way.
        stopped = {"every_s": 21600, "stopped_at": NOW.isoformat()}
        await ledger.put_fact("p-1", SCHEDULE, stopped, NOW)
        (profile,) = (await look(settings)).profiles
        assert (profile.next_run_at, profile.every_s) == (None, None)
        # What a later version noted in another form is not known, and no fault.
        for name in (SCHEDULE, WATERMARK):
            await ledger.put_fact("p-1", name, ["another form"], NOW)
        (profile,) = (await look(settings)).profiles
        assert (profile.next_run_at, profile.watermark_at) == (None, None)


async def test_of_several_profiles_the_chosen_one_comes_first(tmp_path: Path) -> None:
    async with place(tmp_path) as where:
        mine = (await where.migrate()).prepared.profile
        settings = where.settings
        kids = settings.model_copy(
            update={"discovr": settings.discovr.model_copy(update={"profile": "Kids"})}
        )
        assert (await look(kids)).profile is None
        await api.migrate(kids)
        for chosen, first in ((settings, mine), (kids, None)):
            document = await look(chosen)
            assert len(document.profiles) == 2
            assert document.profiles[0].is_chosen
            assert not document.profiles[1].is_chosen
            assert document.profile == document.profiles[0].id
            assert first in (None, document.profile)
        assert (await look(kids)).profiles[0].names == ("Kids",)


async def test_the_profile_of_the_login_is_the_chosen_one(tmp_path: Path) -> None:
    settings = local(tmp_path)
    store_login(tmp_path, "discovr", 60, profile="p-2")
    async with await Ledger.open(settings.state.url) as ledger:
        for profile in ("p-2", "p-1"):
            await ledger.start_run(profile, "migrate", NOW)
    document = await look(settings)
    assert (document.wanted, document.profile) == ("p-2", "p-2")
    assert [profile.id for profile in document.profiles] == ["p-2", "p-1"]


async def test_the_age_and_the_end_of_each_login_are_told_never_a_token(
    tmp_path: Path,
) -> None:
    settings = local(tmp_path)
    store_login(tmp_path, "trakt", 3)
    store_login(tmp_path, "discovr", 5)
    document = await look(settings)
    trakt, discovr = document.logins
    assert trakt.obtained_at == NOW - timedelta(days=87)
    assert (trakt.service, discovr.service) == ("trakt", "discovr")
    assert (trakt.place, discovr.place) == ("token store", "token store")
    assert discovr.ends_at == NOW + timedelta(days=5)
    assert not trakt.renews_itself  # there is no client secret
    (warning,) = document.warnings
    assert "in 5 days" in warning
    assert SECRET not in document.model_dump_json()


def test_a_login_that_ends_soon_is_warned_of_on_stderr(tmp_path: Path) -> None:
    token = StoredToken(
        refresh_token=SECRET,
        obtained_at=datetime.now(UTC),
        expires_at=datetime.now(UTC) + timedelta(days=2),
    )
    TokenStore(tmp_path / "tokens.json").save("discovr", token)
    result = show(tmp_path, "-q", "--json")
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: The Discovr login runs out on ")
    document = StatusDocument.model_validate_json(result.stdout)
    assert [f"Warning: {line}\n" for line in document.warnings] == [result.stderr]


@pytest.mark.parametrize("content", ["{", "[]", '{"discovr": 1}'])
def test_a_token_store_that_cannot_be_read_hides_nothing_else(
    tmp_path: Path, content: str
) -> None:
    tokens = tmp_path / "tokens.json"
    tokens.write_text(content, encoding="utf-8")
    tokens.chmod(0o600)
    result = show(tmp_path, "--json")
    assert result.exit_code == 2
    document = json.loads(result.stdout)
    for login in document["logins"]:
        assert str(tokens) in login["problem"]
        assert "Log in again" in login["remedy"] or "log in again" in login["remedy"]
    assert document["database"]["problem"] is None


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("newer", "is from a newer version"),
        ("damage", "is not a database, or is damaged"),
        ("table", "is damaged"),
    ],
)
def test_a_database_that_cannot_be_read_hides_nothing_else(
    tmp_path: Path, spoil: str, words: str
) -> None:
    path = tmp_path / "state.db"

    async def make() -> None:
        async with await Ledger.open(f"sqlite:///{path}") as ledger:
            await ledger.start_run("p-1", "migrate", NOW)

    asyncio.run(make())
    if spoil == "damage":
        path.write_bytes(b"nonsense" * 1000)
    else:
        statement = {
            "newer": "UPDATE t2d_version SET version_num = '9999'",
            "table": "DROP TABLE t2d_fact",
        }[spoil]
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute(statement)
    before = path.read_bytes()
    result = show(tmp_path)
    assert result.exit_code == 2
    assert words in result.stdout
    assert "trakt        none; a download needs none" in result.stdout
    assert path.read_bytes() == before


def test_older_tables_are_named_and_left_as_they_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def make() -> None:
        async with await Ledger.open(f"sqlite:///{tmp_path}/state.db"):
            pass

    asyncio.run(make())
    monkeypatch.setattr("sync.ledger.database.HEAD", "9999")
    result = show(tmp_path)
    assert result.exit_code == 0
    assert "brought up to date by the next run" in result.stdout


def test_a_state_in_an_address_of_no_known_kind_is_an_error_of_the_config() -> None:
    env = {"TRAKT2DISCOVR_STATE__URL": "mysql://host/name"}
    result = CliRunner().invoke(app, ["status"], env=env)
    assert result.exit_code == 2
    assert "[state] url" in result.stderr
