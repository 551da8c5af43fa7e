"""``report --html`` from outside: the file, the words, and what it refuses."""

from __future__ import annotations

import asyncio
import os
import stat
import webbrowser
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner, Result
from platformdirs import user_data_path

from connectors.errors import InputError
from sync import read_report, render_html
from sync.cli.app import app
from sync.config import APP, Settings
from sync.documents.extras import PageFileDocument
from sync.documents.report_store import keep_report
from sync.domain.plan import Fate
from sync.ledger import Ledger
from sync.ledger.fact_names import PROFILES
from tests.report_suite.builders import WHEN, film, report, show

if TYPE_CHECKING:
    from pathlib import Path

    from sync.domain.histories import TitleHistory


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(app, ["--sandbox", *map(str, args)])


@pytest.fixture
def reported() -> None:
    """Leave behind in the sandbox what a run leaves there."""
    asyncio.run(_keep(show("Dark", {1: Fate.WRITTEN}, plays=3), film("\ud800 half")))


def _settings() -> Settings:
    url = f"sqlite:///{user_data_path(APP) / 'sandbox' / 'state.sqlite3'}"
    return Settings.model_validate(
        {"state": {"url": url}, "discovr": {"profile": "Me"}}
    )


async def _keep(*histories: TitleHistory) -> None:
    folder = user_data_path(APP) / "sandbox"
    folder.mkdir(parents=True)
    async with await Ledger.open(f"sqlite:///{folder / 'state.sqlite3'}") as ledger:
        document = report()
        await keep_report(ledger, document, WHEN)
        await ledger.put_histories(document.profile, histories, {}, WHEN)
        await ledger.put_fact(PROFILES, "Me", document.profile, WHEN)


def test_the_page_of_a_real_run_is_written_and_the_message_says_where(
    tmp_path: Path,
) -> None:
    assert run("migrate", "--yes").exit_code == 0
    file = tmp_path / "report.html"
    result = run("report", "--html", file)
    assert result.exit_code == 0, result.output
    assert str(file) in result.stdout
    html = file.read_text(encoding="utf-8")
    assert html.startswith("<!doctype html>")
    assert "913 plays read from Trakt, proved whole" in html
    assert "This was a rehearsal" in html
    # What the services were asked, and where somebody stopped.
    assert '<th scope="row">Discovr</th>' in html
    assert "<bdi>Conclave</bdi>" in html


@pytest.mark.usefixtures("reported")
def test_with_json_a_document_says_what_was_written(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    result = run("--json", "report", "--html", file)
    document = PageFileDocument.model_validate_json(result.stdout)
    assert document.path == str(file)
    assert document.size == file.stat().st_size
    assert (document.run, document.titles, document.plays) == (3, 2, 4)
    assert "<bdi>Dark</bdi>" in file.read_text(encoding="utf-8")


@pytest.mark.usefixtures("reported")
@pytest.mark.skipif(os.name != "posix", reason="modes are a POSIX matter")
def test_only_its_owner_may_read_it_and_nothing_else_is_left(tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_text("of yesterday")
    file.chmod(0o644)
    assert run("report", "--html", file).exit_code == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.usefixtures("reported")
def test_what_is_no_file_is_refused_and_stays(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    refused = {
        tmp_path: "is a folder",
        pipe: "is no ordinary file",
        tmp_path / "nowhere" / "report.html": "cannot be written",
    }
    for path, words in refused.items():
        result = run("report", "--html", path)
        assert result.exit_code == 2
        assert words in result.stderr
    assert list(tmp_path.iterdir()) == [pipe]


@pytest.mark.usefixtures("reported")
def test_a_caller_of_the_library_gets_the_same_page(tmp_path: Path) -> None:
    file, mine = tmp_path / "report.html", tmp_path / "mine.html"
    assert run("report", "--html", file).exit_code == 0
    data = asyncio.run(read_report(_settings()))
    mine.write_text(render_html(replace(data, is_rehearsal=True)), encoding="utf-8")
    assert mine.read_bytes() == file.read_bytes()
    assert "This was a rehearsal" not in render_html(data)
    brief = asyncio.run(read_report(_settings(), is_brief=True))
    assert brief == replace(data, histories=(), runs=())
    assert len(data.histories) == 2


async def test_a_caller_of_the_library_hears_that_there_was_no_run(
    tmp_path: Path,
) -> None:
    state = {"url": f"sqlite:///{tmp_path / 'state.sqlite3'}"}
    with pytest.raises(InputError, match="no run yet") as caught:
        await read_report(Settings.model_validate({"state": state}))
    assert "migrate" in caught.value.remedy


def test_without_a_run_there_is_nothing_to_show(tmp_path: Path) -> None:
    result = run("report", "--html", tmp_path / "report.html")
    assert result.exit_code == 2
    assert "migrate" in result.stderr
    assert not list(tmp_path.iterdir())


def test_a_page_is_either_written_or_published(tmp_path: Path) -> None:
    both = ("--html", tmp_path / "report.html", "--publish", "pharen", "--yes")
    result = run("report", *both)
    assert result.exit_code == 2
    assert "give one of them" in result.stderr


@pytest.mark.usefixtures("reported")
@pytest.mark.parametrize("has_browser", [True, False, None])
def test_the_page_is_opened_or_its_path_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_browser: bool | None
) -> None:
    opened: list[str] = []

    def open_(address: str) -> bool:
        if has_browser is None:
            raise webbrowser.Error("could not locate runnable browser")
        opened.append(address)
        return has_browser

    monkeypatch.setattr(webbrowser, "open", open_)
    named = tmp_path / "my report.html"
    own = user_data_path(APP) / "sandbox" / "report.html"
    for args, file in ((("--html", named), named), ((), own)):
        opened.clear()
        result = run("report", "--open", *args)
        assert result.exit_code == 0, result.output
        assert str(file) in result.stdout
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        words = "It opens in your browser" if has_browser else "open it yourself"
        assert words in result.stdout
        assert opened == ([] if has_browser is None else [file.as_uri()])
    document = run("--json", "report", "--open").stdout
    assert PageFileDocument.model_validate_json(document).is_open is bool(has_browser)


def test_what_is_published_is_not_opened() -> None:
    result = run("report", "--open", "--publish", "pharen", "--yes")
    assert result.exit_code == 2
    assert "give one of them" in result.stderr
