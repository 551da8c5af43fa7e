"""No title is shown by its id whose name a run has met, wherever that run ended."""

from __future__ import annotations

import html
import json
import re
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import pytest

from connectors.errors import ContractError, InputError, ServiceError
from sync.cli.view.end import show_report
from sync.cli.view.kept import show_restore_plan
from sync.cli.view.lists import show_undone
from sync.cli.view.plan import show_plan
from sync.ledger import Ledger
from sync.ledger.fact_names import NAMES
from sync.load.discovr import DiscovrTarget
from sync.pipeline import run as pipeline
from sync.pipeline.documents import report_document, restore_document, undo_document
from sync.report.markdown import render
from sync.report.page import render_html
from sync.report.reading import read_report
from sync.runtime.stop import Stop
from sync.sandbox.server.faults import Fault
from sync.web.past import read_run
from sync.wiring.bootstrap import build
from tests.long import choose
from tests.safety.accounts import mixed_account
from tests.safety.arena import Phase, arena
from tests.safety.killing import run_until
from tests.terminal_suite.reports import context, draw

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from sync.pipeline.result import Report
    from sync.web.move import Move
    from tests.safety.arena import Arena

#: What a person should never have to read.
ID = re.compile(r"\b(?:MV|TV)_\d+\b")
NAME = re.compile(r"\bFilm \d+ \(\d{4}\)")
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]+>", re.DOTALL)
#: As many as an undisturbed run sends.
WRITES = 14


class Seen(NamedTuple):
    """What ``read_run`` asks the page for."""

    settings: Any
    profile: str


class Moment(NamedTuple):
    """After so many writes a run ends, in that way."""

    writes: int
    how: str

    def __str__(self) -> str:
        return f"{self.how}-{self.writes}"


MOMENTS = [
    Moment(writes, how)
    for how in ("stopped", "killed", "refused", "down")
    for writes in range(WRITES)
]


async def ended_at(place: Arena, moment: Moment) -> None:
    """Migrate until then."""
    first = place.writes()

    def is_then() -> bool:
        return place.writes() >= first + moment.writes

    if moment.how == "killed":

        def is_writing(request: web.Request, phase: Phase) -> bool:
            is_write = request.path == "/profile/history" and request.method != "GET"
            return is_write and phase is Phase.DONE and is_then()

        await run_until(place, place.migrate(), is_writing)
        return
    stop = Stop()
    fault = Fault.answer(403 if moment.how == "refused" else 503)

    def go_wrong(request: web.Request, _number: int) -> Fault | None:
        if request.method != "GET" and is_then():
            if moment.how != "stopped":
                return fault
            stop.request()
        return None

    place.discovr.faults = go_wrong
    with suppress(ServiceError):
        await place.migrate(stop=stop)
    place.discovr.faults = None


def words(text: str) -> str:
    return html.unescape(_TAGS.sub(" ", text))


async def on_pages(place: Arena) -> dict[str, str]:
    """Return what the page, the report and its Markdown say by now."""
    settings = place.settings
    profile = place.discovr.profiles[0].id
    shown = {}
    for run in await runs(place):
        past = await read_run(cast("Move", Seen(settings, profile)), run)
        assert past is not None
        shown[f"run {run}"] = str([line.name for line in past.lines])
    with suppress(InputError):  # one that was killed leaves no report
        data = await read_report(settings)
        shown["report"] = words(render_html(data))
        shown["Markdown"] = render(data.report, data.at, data.histories)
        named(data.report.model_dump(mode="json"))
    return shown


async def runs(place: Arena) -> list[int]:
    async with await Ledger.open(place.settings.state.url) as ledger:
        return [run.id for run in await ledger.runs(place.discovr.profiles[0].id)]


def on_terminal(report: Report) -> dict[str, str]:
    """Return what the terminal says of all of a run, and hold that JSON names it."""
    named(report_document(report, "migrate", 0).model_dump(mode="json"))
    options = context(is_verbose=True)
    end = partial(show_report, report=report, context=options, next_="x")
    plan = partial(show_plan, report=report, context=options)
    return {"end": draw(end, 200), "plan": draw(plan, 200)}


def named(document: dict[str, Any]) -> None:
    """Hold that whoever reads the document finds the name of each id in it."""
    names = document.pop("names")
    for state in ("source_state", "target_state"):
        document.pop(state, None)
    ids = set(re.findall(r'"media": "([^"]+)"', json.dumps(document)))
    playback = json.dumps(document.get("playback"))
    assert ids - {*re.findall(r'"media": "([^"]+)"', playback)} <= {*names}


def check(shown: dict[str, str]) -> None:
    for where, text in shown.items():
        assert not ID.search(text), (where, ID.findall(text))


@pytest.mark.parametrize(
    "moment", choose(MOMENTS[::19], MOMENTS[1::5], MOMENTS), ids=str
)
async def test_wherever_a_first_run_ends_its_titles_have_names(
    moment: Moment, tmp_path: Path
) -> None:
    account, _ = mixed_account()
    async with arena(account, tmp_path) as place:
        await ended_at(place, moment)
        shown = await on_pages(place)
        # A run whose first write was refused left nothing to show.
        assert moment.writes == 0 or NAME.search(shown["run 1"])
        check(shown)
        # What is gone from Trakt is known by name all the same.
        for play in account.plays:
            account.remove_play(play.id)
        account.add_play(account.find("Film 4"), None)
        async with build(place.settings, clock=place.clock) as services:
            check(on_terminal(await pipeline.verify(services)))
        report = await place.migrate(is_forced=True)
        check(on_terminal(report) | await on_pages(place))


@pytest.mark.parametrize("how", ["stopped", "killed"])
async def test_what_an_undo_leaves_alone_has_names(how: str, tmp_path: Path) -> None:
    account, _ = mixed_account()
    async with arena(account, tmp_path, history={"collapse": "off"}) as place:
        await ended_at(place, Moment(8, how))
        theirs = place.discovr.entries()[0].key
        place.discovr.person_sets(theirs, 10)
        undone = await place.undo()
        assert theirs in undone.left_alone
        document = undo_document(undone)
        named(document.model_dump(mode="json"))
        show = partial(show_undone, document=document, context=context(), next_="x")
        text = draw(show, 200)
        assert f"left alone: {theirs}" not in text
        check({"undo": text} | await on_pages(place))


async def test_what_a_copy_brings_back_has_names(tmp_path: Path) -> None:
    account, own = mixed_account()
    async with arena(account, tmp_path, own=own) as place:
        await ended_at(place, Moment(8, "stopped"))
        (copy,) = (tmp_path / "copies").rglob("*.json")
        for entry in place.discovr.entries():
            place.discovr.person_removes(entry.key)
        restored = await place.restore(copy)
        assert restored.operations
        named(restore_document(restored, 0).model_dump(mode="json"))
        show = partial(show_restore_plan, restoration=restored, is_full=True)
        text = draw(show, 200)
        for said in ("Film 2 (2000) (MV_102)", "Show 2 (2020) S01E01 (TV_202)"):
            assert said in text


async def test_the_first_entry_is_named_where_it_did_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    account, _ = mixed_account()

    async def nothing(*_: object) -> list[Any]:
        return []

    async with arena(account, tmp_path) as place:
        monkeypatch.setattr(DiscovrTarget, "read_title", nothing)
        with pytest.raises(ContractError, match=r"\((Show|Film) \d \(20") as e:
            await place.migrate()
        assert not ID.search(e.value.message)


async def test_names_stand_in_the_ledger_before_anything_is_written(
    tmp_path: Path,
) -> None:
    account, _ = mixed_account()
    async with arena(account, tmp_path) as place:
        profile = place.discovr.profiles[0].id

        async def refuse(_: object) -> bool:
            async with await Ledger.open(place.settings.state.url) as ledger:
                names = await ledger.get_fact(profile, NAMES)
            assert names["TV_201"] == "Show 1 (2020)"
            assert names["MV_101"] == "Film 1 (2000)"
            return False

        async with build(place.settings, clock=place.clock) as services:
            report = await pipeline.migrate(services, confirm=refuse)
        assert report.is_refused
        assert place.writes() == 0


async def test_a_ledger_from_before_names_its_titles_by_its_histories(
    tmp_path: Path,
) -> None:
    account, _ = mixed_account()
    async with arena(account, tmp_path) as place:
        await place.migrate()
        async with await Ledger.open(place.settings.state.url) as ledger:
            await ledger.delete_fact(place.discovr.profiles[0].id, NAMES)
        shown = await on_pages(place)
        assert "Film 1 (2000)" in shown["run 1"]
        check(shown)
