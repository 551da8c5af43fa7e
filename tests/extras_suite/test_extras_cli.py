"""``page`` and ``report`` from outside: options, exit codes, and what is printed."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner, Result

from sync.cli.app import app
from sync.documents.extras import PagesDocument, PublishedDocument
from sync.documents.report_store import keep_report
from sync.ledger import Ledger
from sync.ledger.fact_names import PROFILES
from sync.sandbox.pharen import API_KEY, PharenStandIn
from tests.extras_suite.test_markdown import NASTY, WHEN, report

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def run(*args: str, env: dict[str, str] | None = None) -> Result:
    return CliRunner().invoke(app, args, env=env)


def pages(*args: str) -> PagesDocument:
    result = run("--sandbox", "--json", "page", *args)
    assert result.exit_code == 0, result.output
    return PagesDocument.model_validate_json(result.stdout)


def test_a_dry_run_shows_the_filters_and_why() -> None:
    result = run("--sandbox", "page", "--dry-run")
    assert result.exit_code == 0, result.output
    for words in (
        "Films for you (not made)",
        "Shows for you",
        "of plays are that long",
        "Drama",
    ):
        assert words in result.stdout


def test_pages_are_made_once() -> None:
    first, again = pages("--yes"), pages("--yes")
    assert [page.is_new for page in first.pages] == [True, True]
    assert [page.is_new for page in again.pages] == [False, False]
    assert [p.id for p in first.pages] == [p.id for p in again.pages]
    renewed = pages("--yes", "--again", "--only", "shows")
    assert renewed.pages[0].id != first.pages[1].id


def test_every_filter_can_be_given_by_hand() -> None:
    options = """--only films --name Evenings --genre drama --genre 36 --keyword 9715
    --region DE --provider Kino --min-minutes 80 --max-minutes 100
    --released-from 1990-01-01 --released-to 1999-12-31 --by-hand --yes"""
    (page,) = pages(*options.split()).pages
    assert page.name == "Evenings"
    assert page.filters == {
        "media_type": "movie",
        "genres": [18, 36],
        "keywords": [9715],
        "region": ["DE"],
        "with_watch_providers": ["Kino"],
        "with_runtime_gte": 80,
        "with_runtime_lte": 100,
        "with_release_date_gte": "1990-01-01",
        "with_release_date_lte": "1999-12-31",
    }


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (["page"], "--dry-run"),
        (["page", "--yes", "--name", " "], "at least one character"),
        (["page", "--yes", "--genre", "horror"], "no genre 'horror'"),
        (
            ["page", "--yes", "--min-minutes", "9", "--max-minutes", "8"],
            "--min-minutes",
        ),
        (
            ["page", "--yes", "--released-from=1990-01-01", "--released-to=1980-01-01"],
            "--released-from",
        ),
        (["page", "--yes", "--only", "games"], "games"),
        (["report", "--publish", "pharen"], "--yes"),
        (["report", "--title", "x"], "--publish"),
        (["report"], "migrate first"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_a_sentence(
    args: list[str], words: str
) -> None:
    result = run("--sandbox", *args)
    assert result.exit_code == 2
    assert words in result.stderr
    assert "Traceback" not in result.output


def test_both_commands_have_help_with_an_example() -> None:
    for name in ("page", "report"):
        assert "Example: trakt2discovr" in run(name, "--help").stdout


@contextmanager
def open_hub() -> Iterator[PharenStandIn]:
    """Run the hub beside the program, whose event loop is its own."""
    hub, loop = PharenStandIn(), asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(hub.start(), loop).result()
    try:
        yield hub
    finally:
        asyncio.run_coroutine_threadsafe(hub.stop(), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_who_has_a_download_alone_learns_how_to_choose_the_filters() -> None:
    result = run("page", "--dry-run")
    assert result.exit_code == 2
    words = " ".join(result.stderr.split())
    (advised,) = re.findall(r"trakt2discovr (page [^.]+)\.", words)
    assert advised.startswith("page --by-hand ")
    result = run("--sandbox", *advised.split(), "--dry-run")
    assert result.exit_code == 0, result.output


@pytest.fixture
def env(tmp_path: Path) -> dict[str, str]:
    """Settings that lead to a state in which a run has left its report."""
    url = f"sqlite:///{tmp_path / 'state.sqlite3'}"

    async def remember() -> None:
        async with await Ledger.open(url) as ledger:
            await ledger.put_fact(PROFILES, "Me", "prf_1", WHEN)
            await keep_report(ledger, report(NASTY), WHEN)

    asyncio.run(remember())
    return {
        "TRAKT2DISCOVR_STATE__URL": url,
        "TRAKT2DISCOVR_DISCOVR__PROFILE": "Me",
    }


def test_the_report_of_the_last_run_is_markdown_or_its_document(
    env: dict[str, str],
) -> None:
    shown = run("report", env=env)
    assert shown.exit_code == 0, shown.output
    assert shown.stdout.startswith("# Watch history: from Trakt to Discovr\n")
    document = json.loads(run("--json", "report", env=env).stdout)
    assert (document["format"], document["run"]) == ("trakt2discovr/report", 7)


def test_a_report_is_published_once_and_updated_from_then_on(
    env: dict[str, str],
) -> None:
    def publish(*args: str, **more: str) -> Any:
        keys = {"TRAKT2DISCOVR_PHAREN__API_KEY": API_KEY} | more
        keys["TRAKT2DISCOVR_PHAREN__API_URL"] = hub.api_url
        return run(*args, "report", "--publish", "pharen", "--yes", env=env | keys)

    with open_hub() as hub:
        first = publish()
        assert first.exit_code == 0, first.output
        assert "Published as From Trakt to Discovr: Me" in first.stdout
        again = PublishedDocument.model_validate_json(publish("--json").stdout)
        assert (again.is_new, again.id) == (False, hub.pages[0].id)
        assert [page.title for page in hub.pages] == ["From Trakt to Discovr: Me"]
        assert hub.pages[0].content.startswith("# Watch history")
        refused = publish(TRAKT2DISCOVR_PHAREN__API_KEY="revoked")
        assert refused.exit_code == 2
        assert "[pharen] api_key" in refused.stderr
        assert "revoked" not in refused.output


def test_publishing_without_a_key_says_how_to_get_one(env: dict[str, str]) -> None:
    result = run("report", "--publish", "pharen", "--yes", env=env)
    assert result.exit_code == 2
    assert "[pharen] api_key is not set" in result.stderr
