"""A source of the caller's goes by its own name everywhere, and Trakt by none."""

from __future__ import annotations

import runpy
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import ConfigError
from sync import api
from sync.checkup.doctor import examine
from sync.checkup.findings import Verdict
from sync.checkup.status import read_status
from sync.config import Settings
from sync.domain.plays import Ids, Key, Kind, Play, Title, to_minute
from sync.errors import EmptyHistoryError, MovedError, UnsafeRemovalError
from sync.pipeline.documents import report_document, undo_document
from sync.pipeline.result import describe
from sync.ports import Extraction, Quarantined, Receipt, SourceCheck, origin_of
from sync.report.markdown import render
from sync.report.page import render_html
from sync.report.reading import read_report
from sync.sandbox.account.synthetic import synthetic_account
from sync.sandbox.account.titles import CatalogueTitle
from tests.factories import at
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence

    from connectors.errors import ServiceError
    from sync.pipeline.result import Report
    from sync.ports import Source

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "own_source.py"
NAME, LABEL = "Letterbook", "letterbook"


class Letterbook:
    """A tool of somebody's own, with whatever plays it is given."""

    name = NAME
    label = LABEL

    def __init__(self, plays: Sequence[Play]) -> None:
        self.plays = list(plays)
        self.unreadable: list[Quarantined] = []

    async def extract(self, on_page: Callable[[int, int], None]) -> Extraction:
        on_page(1, 1)
        receipt = Receipt("a letterbook", len(self.plays), pages=1, requests=1)
        return Extraction(list(self.plays), receipt, list(self.unreadable))


class StampedLetterbook(Letterbook):
    """The same, and it can tell when nothing has changed."""

    async def extract(self, on_page: Callable[[int, int], None]) -> Extraction:
        extraction = await super().extract(on_page)
        return replace(extraction, stamps=await self.stamps(), read_at=at(5000))

    async def stamps(self) -> Mapping[str, str | None]:
        state = str(len(self.plays))
        return {"movies.watched_at": state, "episodes.watched_at": state}

    async def extract_changes(
        self,
        known: Extraction,
        stamps: Mapping[str, str | None],
        moved: Collection[Kind],
        on_page: Callable[[int, int], None],
    ) -> Extraction:
        del known, stamps, moved
        return await self.extract(on_page)


@dataclass
class Shown:
    """All that a caller is shown or given, as text."""

    settings: Settings
    source: Source
    events: list[object] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    async def run(self, command: str, *args: Any, **options: Any) -> Report:
        report: Report = await getattr(api, command)(
            self.settings,
            *args,
            source=self.source,
            on_event=self.events.append,
            **options,
        )
        document = report_document(report, command, 0)
        self.texts += [document.model_dump_json(), render(document, at())]
        return report

    async def fail(
        self, kind: type[ServiceError], command: str, *args: Any, **options: Any
    ) -> ServiceError:
        with pytest.raises(kind) as caught:
            await self.run(command, *args, **options)
        self.texts += [caught.value.message, caught.value.remedy]
        return caught.value

    async def page(self) -> str:
        data = await read_report(self.settings)
        self.texts += [render(data.report, data.at), render_html(data)]
        return self.texts[-1]

    def check(self) -> None:
        """Hold that nothing of it speaks of a source that was never asked."""
        for text in (*self.texts, *map(str, self.events)):
            words = text.lower().replace("trakt2discovr", "")
            before, found, after = words.partition("trakt")
            assert not found, f"...{before[-80:]}[trakt]{after[:80]}..."


def without_trakt(place: World) -> Settings:
    """Return settings that say nothing of Trakt, as a tool of one's own has them."""
    settings = place.settings
    return settings.model_copy(update={"trakt": Settings().trakt})


def plays_of(place: World) -> list[Play]:
    """Return what the account watched, as a tool knows it that has TMDB's ids alone."""
    titles = {
        title: Title(title.kind, title.name, title.year, Ids(tmdb=title.ids.tmdb))
        for title in place.account.titles
    }
    return [
        Play(
            titles[play.title],
            to_minute(play.watched_at),
            play.episode.season if play.episode else None,
            play.episode.number if play.episode else None,
            number,
        )
        for number, play in enumerate(place.account.plays, start=1)
    ]


@asynccontextmanager
async def letterbook(
    folder: Path, kind: type[Letterbook] = Letterbook, **options: Any
) -> AsyncIterator[tuple[World, Letterbook, Shown]]:
    """Open the stand-ins, and a source with plays that end in every column."""
    account = synthetic_account(150, shows=4, seed=3)
    async with world(account, folder, **options) as place:
        source = kind(plays_of(place))
        show = next(p.title for p in source.plays if p.title.kind is Kind.SHOW)
        source.plays += [
            Play(show, at(1), 0, 1, 9001),
            Play(show, at(1), 1, 0, 9002),
            Play(Title(Kind.FILM, "A film that nobody knows", 1931), at(2), id=9003),
        ]
        # It holds off every removal of its title, and would of all if it had none.
        title = Title(Kind.FILM, "A film without a date", 1950, Ids(tmdb=424242))
        source.unreadable = [Quarantined("letter 12", "it has no date", title=title)]
        yield place, source, Shown(without_trakt(place), source)


def labels(place: World) -> set[str | None]:
    return {entry.imported for entry in place.discovr.entries()}


async def test_the_example_of_the_docs_goes_by_its_own_name(tmp_path: Path) -> None:
    notebook = runpy.run_path(str(EXAMPLE))["Notebook"]()
    titles = [
        CatalogueTitle(Kind.FILM, name, Ids(tmdb=tmdb), year)
        for name, year, tmdb in (("Stalker", 1979, 1398), ("Paris, Texas", 1984, 655))
    ]
    account = type(synthetic_account(1))(titles)
    async with world(account, tmp_path) as place:
        it = Shown(without_trakt(place), notebook)
        for command in ("plan", "migrate", "verify", "sync"):
            report = await it.run(command)
            assert report.prepared.origin == origin_of(notebook)
        html = await it.page()
        assert f"from {notebook.name} to Discovr" in html
        assert f"from {notebook.name} to Discovr" in it.texts[-2]
        assert f'"name":"{notebook.name}"' in it.texts[0]
        assert labels(place) == {notebook.label}
        assert len(place.discovr.entries()) == 2
        it.check()


async def test_every_column_of_a_run_speaks_of_the_source(tmp_path: Path) -> None:
    async with letterbook(tmp_path) as (place, _source, it):
        place.discovr.person_adds(Key("MV_77"), progress=100)
        report = await it.run("migrate")
        assert report.is_complete
        assert any(o.is_default for o in report.prepared.plan.operations)
        assert report.prepared.compared.desired.unmatched
        assert report.prepared.unsupported
        assert labels(place) == {LABEL, None}
        html = await it.page()
        for words in (
            f"from {NAME} to Discovr",
            f"They stay on {NAME}.",
            f"Look the record up on {NAME},",
        ):
            assert words in html
        verified = await it.run("verify")
        assert verified.verification is not None
        assert verified.verification.is_clean
        it.check()


async def test_what_is_gone_is_gone_from_the_source(tmp_path: Path) -> None:
    async with letterbook(tmp_path) as (place, source, it):
        await it.run("migrate")
        before = len(place.discovr.entries())
        film = next(p.title for p in source.plays if p.title.kind is Kind.FILM)
        source.plays = [p for p in source.plays if p.title != film]
        verified = await it.run("verify")
        assert verified.verification is not None
        assert verified.verification.unexpected
        said = describe(verified.verification, verified.prepared.origin.name)
        assert f"1 entry of ours stands for no play on {NAME}" in said
        pruned = await it.run("sync", prune=True)
        assert pruned.undone is not None
        assert pruned.undone.removed
        assert len(place.discovr.entries()) < before
        it.check()


async def test_what_a_default_would_cover_is_said_to_be_gone_too(
    tmp_path: Path,
) -> None:
    async with letterbook(tmp_path) as (_place, source, it):
        report = await it.run("migrate")
        default = next(o for o in report.prepared.plan.operations if o.is_default)
        show = report.prepared.compared.desired.titles[default.key.media]
        one = default.covers[0].episode
        gone = (show, default.key.season, one)
        source.plays = [p for p in source.plays if (p.title, *p[2:4]) != gone]
        pruned = await it.run("sync", prune=True)
        (zero,) = pruned.prepared.removals.zeros
        assert zero.key == default.key._replace(episode=one)
        assert f"no longer on {NAME}, and a season default" in zero.reason
        it.check()


async def test_the_guards_and_the_plan_file_name_the_source(tmp_path: Path) -> None:
    async with letterbook(tmp_path) as (_place, source, it):
        file = tmp_path / "plan.json"
        await it.run("plan", out=file)
        await it.run("migrate")
        whole, source.plays = source.plays, source.plays[:60]
        moved = await it.fail(MovedError, "apply", file)
        assert f"{NAME} has moved" in moved.message
        unsafe = await it.fail(UnsafeRemovalError, "sync", prune=True)
        assert f"no longer on {NAME}," in unsafe.message
        assert f"history on {NAME};" in unsafe.remedy
        source.plays = []
        empty = await it.fail(EmptyHistoryError, "sync", prune=True)
        assert f"The history on {NAME} is empty" in empty.message
        source.plays = whole
        assert (await it.run("sync")).is_complete
        it.check()


async def test_a_source_with_stamps_is_named_where_nothing_has_changed(
    tmp_path: Path,
) -> None:
    async with letterbook(tmp_path, StampedLetterbook) as (place, source, it):
        source.unreadable = []
        await it.run("migrate")
        unchanged = await it.run("sync")
        assert unchanged.prepared.is_unchanged
        assert unchanged.prepared.compared.extraction.receipt.source == NAME
        source.plays.append(replace_time(source.plays[0]))
        changed = await it.run("sync")
        assert changed.prepared.since is not None
        assert labels(place) == {LABEL}
        it.check()


def replace_time(play: Play) -> Play:
    return play._replace(watched_at=play.watched_at + timedelta(days=400), id=9100)


async def test_status_tells_of_which_source_a_profile_is(tmp_path: Path) -> None:
    async with letterbook(tmp_path) as (_place, _source, it):
        await it.run("migrate")
        (profile,) = (await read_status(it.settings)).profiles
        assert profile.source == NAME
        it.texts.append(profile.model_dump_json())
        it.check()


@pytest.mark.parametrize("suffix", ["toml", "csv"])
async def test_the_list_to_fill_in_names_the_source(
    tmp_path: Path, suffix: str
) -> None:
    async with letterbook(tmp_path) as (_place, _source, it):
        await it.run("migrate")
        file = tmp_path / f"ids.{suffix}"
        document = await api.unmatched(it.settings, out=file)
        assert document.source.name == NAME
        it.texts.append(document.model_dump_json())
        if suffix == "toml":
            it.texts.append(file.read_text(encoding="utf-8"))
            assert f"the one that {NAME} has." in it.texts[-1]
        it.check()


async def test_what_it_wrote_can_be_taken_back_without_the_source(
    tmp_path: Path,
) -> None:
    async with letterbook(tmp_path) as (place, _source, it):
        place.discovr.person_adds(Key("MV_77"), progress=100)
        await it.run("migrate")
        undone = await api.undo(it.settings)
        assert undone.removed
        assert not undone.left_alone
        assert [e.key for e in place.discovr.entries()] == [Key("MV_77")]
        it.texts.append(undo_document(undone).model_dump_json())
        it.check()


async def test_two_sources_of_one_profile_are_told_apart(tmp_path: Path) -> None:
    async with letterbook(tmp_path) as (place, source, it):
        trakts = await place.migrate()
        assert labels(place) == {"trakt"}
        source.plays = [
            Play(Title(Kind.FILM, "Film X", 2001, Ids(tmdb=100_001)), at(3), id=1)
        ]
        mine = await it.run("migrate")
        assert mine.is_complete
        assert labels(place) == {"trakt", LABEL}
        # What Trakt brought is not missing from the letterbook.
        assert mine.verification is not None
        assert mine.verification.unexpected == ()
        assert mine.run is not None
        assert trakts.run is not None
        for run in (mine.run, trakts.run):
            undone = await api.undo(it.settings, run)
            assert undone.removed
            assert not undone.left_alone
        assert place.discovr.entries() == []


class Nameless(Letterbook):
    """One that says neither what it is called nor what marks its entries."""

    name = label = None  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("fields", "name", "label"),
    [
        ({}, "Nameless", "nameless"),
        ({"name": "My  tool\n"}, "My tool", "my tool"),
        ({"name": "My tool", "label": " "}, "My tool", "my tool"),
        ({"name": 3, "label": "mine"}, "Nameless", "mine"),
        ({"name": "Trakt", "label": "trakt"}, "Trakt", "trakt"),
    ],
)
def test_what_a_source_does_not_say_is_made_up(
    fields: dict[str, object], name: str, label: str
) -> None:
    source = Nameless([])
    for field_name, value in fields.items():
        setattr(source, field_name, value)
    origin = origin_of(source)
    assert (origin.name, origin.label) == (name, label)


async def test_a_source_without_a_name_goes_by_that_of_its_class(
    tmp_path: Path,
) -> None:
    async with letterbook(tmp_path, Nameless) as (place, _source, it):
        await it.run("migrate")
        assert labels(place) == {"nameless"}
        assert "from Nameless to Discovr" in await it.page()
        it.check()


async def test_a_name_cannot_become_markup(tmp_path: Path) -> None:
    async with letterbook(tmp_path) as (_place, source, it):
        source.name = "<b>_My_ {0} tool</b>"
        await it.run("migrate")
        html = await it.page()
        assert "<b>_My_" not in html
        assert "from &lt;b&gt;_My_ {0} tool&lt;/b&gt; to Discovr" in html
        assert "<b>" not in it.texts[-2]


async def test_an_object_that_is_no_source_is_refused(tmp_path: Path) -> None:
    async with letterbook(tmp_path) as (place, _source, it):
        it.source = object()  # type: ignore[assignment]
        refusal = await it.fail(ConfigError, "migrate")
        assert "source given (object) has no method extract" in refusal.message
        assert place.discovr.requests() == []
        assert not (tmp_path / "state.sqlite3").exists()


class CheckedLetterbook(Letterbook):
    """The same, and it can look at itself."""

    fault: ServiceError | None = None

    async def check(self) -> list[SourceCheck]:
        if self.fault:
            raise self.fault
        return [
            SourceCheck("login", "signed in as me"),
            SourceCheck("disk", "is nearly full", "Make room on the disk."),
        ]


@pytest.mark.parametrize("kind", ["checked", "broken", "plain"])
async def test_the_doctor_asks_the_source_for_its_checks(
    tmp_path: Path, kind: str
) -> None:
    async with world(synthetic_account(20, 2), tmp_path) as place:
        source = Letterbook([]) if kind == "plain" else CheckedLetterbook([])
        if kind == "broken":
            source.fault = ConfigError("The book is closed.", remedy="Open it.")  # type: ignore[attr-defined]
        diagnosis = await examine(without_trakt(place), source=source)
    told = {f.check: f for f in diagnosis.findings if f.check.startswith(NAME)}
    match kind:
        case "checked":
            assert told[f"{NAME} login"].verdict is Verdict.OK
            assert told[f"{NAME} disk"].verdict is Verdict.PROBLEM
            assert told[f"{NAME} disk"].remedy == "Make room on the disk."
        case "broken":
            assert told[NAME].remedy == "Open it."
        case _:
            assert told[NAME].verdict is Verdict.UNCHECKED
    shown = " ".join(f"{f.check} {f.text}" for f in diagnosis.findings)
    assert "Trakt" not in shown
    assert "Trakt" not in diagnosis.requests
