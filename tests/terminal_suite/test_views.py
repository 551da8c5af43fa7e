"""The views at any width, with any title, with lists of any length."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from sync.cli.app import app
from sync.cli.view import end, plan
from sync.cli.view.lines import say
from sync.cli.view.texts import clean, duration, pad, seasons, title
from sync.domain.desired import NO_ANSWER, NO_ID, NO_KEY, SPECIAL, LeftOut
from sync.domain.plan import Fate
from sync.domain.plays import Key, Kind, Title
from sync.domain.reconcile import reconcile
from sync.domain.rules import Rules
from sync.domain.verify import Verification
from sync.domain.watched import Watched
from sync.domain.writes import Settled
from sync.ledger import Outcome
from sync.pipeline.summary import Estimate
from sync.ports import Quarantined
from sync.runtime.words import count
from tests.terminal_suite.reports import Reports, context, draw, make_reports, renamed
from tests.terminal_suite.screens import CONTROL, render

if TYPE_CHECKING:
    from sync.pipeline.result import Report

WIDTHS = (30, 60, 80, 120, 200)
HOSTILE = {
    "escapes": "\x1b]0;owned\x07\x1b[2J\x1b[31mred",
    "controls": "a\rb\nc\td\x08\x9b31m\u2028e",
    "direction": "\u202egnissim\u202c",
    "markup": "[bold]markup[/bold] [/] [link=x]",
    "wide": "進撃の巨人" * 20,
    "right_to_left": "שטיסל עונה",
    "emoji": "\N{FAMILY}\N{ZERO WIDTH JOINER}\N{WOMAN} \N{HEAVY BLACK HEART}\ufe0f",
    "combining": "e\u0301" * 90,
    "empty": "",
}


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Reports:
    return make_reports(tmp_path_factory.mktemp("reports"))


@pytest.fixture
def planned(reports: Reports) -> Report:
    return reports.planned


@pytest.fixture
def ended(reports: Reports) -> Report:
    return reports.ended


def show_plan(report: Report, columns: int = 80, *, is_full: bool = False) -> str:
    options = context(is_verbose=is_full)
    return draw(lambda console: plan.show_plan(console, report, options), columns)


def show_end(report: Report, columns: int = 80, command: str = "migrate") -> str:
    following = end.next_command(report, context(), command)
    show = partial(end.show_report, report=report, context=context(), next_=following)
    return draw(show, columns)


@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("is_full", [False, True])
def test_no_line_is_wider_than_the_terminal(
    columns: int, planned: Report, ended: Report, *, is_full: bool
) -> None:
    plan = show_plan(planned, columns, is_full=is_full)
    end = show_end(ended, columns).partition("Next: ")[0]
    # A path is not broken, so that it can be copied.
    lines = [line for line in (plan + end).splitlines() if not line.startswith("/")]
    assert max(map(cell_len, lines)) <= columns


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("columns", [80, 200])
def test_no_title_commands_the_terminal_or_breaks_its_lines(
    kind: str, columns: int, planned: Report
) -> None:
    text = show_plan(renamed(planned, HOSTILE[kind]), columns, is_full=True)
    assert not CONTROL.search(text)
    assert "\u202e" not in text
    assert max(cell_len(line) for line in text.splitlines()) <= columns


def test_wide_titles_leave_the_columns_in_line(planned: Report) -> None:
    text = show_plan(renamed(planned, "進撃の巨人"), 80)
    shows = [line for line in text.splitlines() if " episode" in line and "->" in line]
    assert len(shows) > 20
    assert len({cell_len(line.partition("->")[0]) for line in shows}) == 1


def test_colours_add_nothing_to_the_words(planned: Report, ended: Report) -> None:
    for report, show in ((planned, plan.show_plan), (ended, None)):
        if show is None:
            options = {"report": report, "context": context(), "next_": "x"}
            shown = partial(end.show_report, **options)  # type: ignore[arg-type]  # one value a name
        else:
            shown = partial(show, report=report, context=context())
        plain = draw(shown, 80)
        colourful = draw(shown, 80, color_system="truecolor")
        bare = draw(shown, 80, color_system="truecolor", no_color=True)
        assert "\x1b[" in colourful
        assert "\x1b[" not in plain
        assert "\x1b[1;3" not in bare
        assert render(colourful.replace("\n", "\r\n"), 80) == render(
            plain.replace("\n", "\r\n"), 80
        )


def test_a_show_that_takes_no_write_says_why(planned: Report) -> None:
    text = show_plan(planned, 120, is_full=True)
    (line,) = [line for line in text.splitlines() if "Planet Earth" in line]
    assert "-> nothing: under a season default already" in line
    assert "1 there already: Planet Earth II (2016)" in show_plan(planned)


def test_the_totals_balance_on_the_screen(planned: Report, ended: Report) -> None:
    for text in (show_plan(planned), show_end(ended)):
        head, *lines = text.strip().partition("\n\n")[0].splitlines()
        parts = [line.split()[0] for line in lines if not line.startswith("  (")]
        assert sum(map(int, parts)) == int(head.split()[0]) == 913


def test_a_long_list_is_cut_with_the_command_that_shows_all(planned: Report) -> None:
    desired, plan = planned.prepared.compared.desired, planned.prepared.plan
    note = next(note for note in plan.seasons if note.writes)
    show = desired.titles[note.season.media]
    names = [f"TV_{number}" for number in range(900_000, 900_100)]
    key = next(k for k in desired.watched if k.media == note.season.media)
    seen = desired.watched[key]
    added = [Key(name, 1, 1) for name in names]
    fates = {**plan.fates, **dict.fromkeys(added, plan.fates[key])}
    operation = plan.operations[0]
    more = tuple(replace(operation, key=other) for other in added)
    many = replace(
        planned.prepared,
        compared=replace(
            planned.prepared.compared,
            desired=replace(
                desired,
                titles={**desired.titles}
                | {name: replace(show, name=f"Show {name}") for name in names},
                watched=Watched({k.place: {k.episode: seen} for k in (key, *added)}),
            ),
        ),
        plan=replace(plan, operations=(*plan.operations, *more), fates=fates),
    )
    text = show_plan(replace(planned, prepared=many))
    assert "more shows. All of them: trakt2discovr -v plan" in " ".join(text.split())
    assert "Show TV_900099" not in text
    assert "Show TV_900099" in show_plan(replace(planned, prepared=many), is_full=True)


def test_what_cannot_go_is_named_by_reason_with_what_to_do(planned: Report) -> None:
    text = " ".join(show_plan(planned).split())
    assert "none of its ids leads to TMDB" in text
    assert "trakt2discovr unmatched --out unmatched.toml" in text
    prepared = planned.prepared
    odd = (Quarantined("history.json, item 3", "has no time of watching"),) * 20
    extraction = replace(prepared.compared.extraction, quarantined=odd)
    spoilt = replace(
        planned,
        prepared=replace(
            prepared, compared=replace(prepared.compared, extraction=extraction)
        ),
    )
    text = show_plan(spoilt)
    assert "20 records that cannot be read as a play:" in text
    assert "history.json, item 3: has no time of watching" in text
    assert "... and 8 more" in text


@pytest.mark.parametrize(
    ("reason", "advice"),
    [
        (NO_ID, "trakt2discovr unmatched --out unmatched.toml"),
        (NO_KEY, "set [tmdb] api_key in the config"),
        (NO_ANSWER, "run it again once TMDB answers"),
        (SPECIAL, "nothing; they stay on Trakt"),
    ],
)
def test_every_reason_to_stay_behind_comes_with_advice(
    reason: str, advice: str, planned: Report
) -> None:
    left = LeftOut(Title(Kind.FILM, "Nameless"), 3, reason)
    desired = replace(planned.prepared.compared.desired, unmatched=(left,))
    report = replace(
        planned,
        prepared=replace(
            planned.prepared,
            compared=replace(planned.prepared.compared, desired=desired),
        ),
    )
    text = " ".join(show_plan(report).split())
    assert "Nameless x3" in text
    assert advice in text


def test_the_end_names_what_failed_and_says_to_run_it_again(ended: Report) -> None:
    first, second, *_ = ended.prepared.plan.operations
    settled = {
        **ended.settled,
        first.id: Settled(Outcome.REJECTED, "Discovr says no."),
        second.id: Settled(Outcome.UNKNOWN, "no clear answer"),
    }
    missing = Verification(entries=187, missing=(first.key, second.key))
    failed = replace(ended, settled=settled, verification=missing)
    text = show_end(failed)
    assert "Not written: 2 entries" in text
    assert "Discovr says no." in text
    assert "watched, and not there" in text
    assert f"{failed.balance()[0].fates[Fate.FAILED]}  failed" in text
    assert "not everything is in its place (2 missing)" in text
    assert "191 entries written" in text
    assert text.splitlines()[-1] == "Next: trakt2discovr migrate"


@pytest.mark.parametrize(
    ("command", "change", "following"),
    [
        ("migrate", "unmatched", "unmatched --out unmatched.toml"),
        ("migrate", "", "sync"),
        ("sync", "", "report --html report.html"),
        ("migrate", "file", "report --html report.html"),
        ("verify", "missing", "migrate"),
        ("migrate", "missing", "migrate --yes"),
        ("verify", "unexpected", "sync --prune"),
        ("migrate", "refused", "migrate --yes"),
    ],
)
def test_there_is_exactly_one_next_command_and_it_fits_the_end(
    command: str, change: str, following: str, ended: Report
) -> None:
    prepared, key = ended.prepared, ended.prepared.plan.operations[0].key
    if change != "unmatched":
        desired = replace(prepared.compared.desired, unmatched=())
        prepared = replace(
            prepared, compared=replace(prepared.compared, desired=desired)
        )
    if change == "file":
        receipt = replace(prepared.compared.extraction.receipt, requests=0)
        extraction = replace(prepared.compared.extraction, receipt=receipt)
        prepared = replace(
            prepared, compared=replace(prepared.compared, extraction=extraction)
        )
    report = replace(ended, prepared=prepared)
    if change in ("missing", "unexpected"):
        found = Verification(189, **{change: (key,)})
        report = replace(report, verification=found)
    if change == "refused":
        report = replace(report, run=None, verification=None)
    options = context(is_sandbox=True, words=("--sandbox", "migrate", "--yes"))
    chosen = end.next_command(report, options, command)
    assert chosen == f"trakt2discovr --sandbox {following}"


def test_a_sync_that_found_nothing_is_three_lines(reports: Reports) -> None:
    text = show_end(reports.unchanged, command="sync").strip()
    first, second, third = text.splitlines()
    assert first == "Nothing has changed on Trakt since the last run."
    assert second.startswith("It took ")
    assert third == "Next: trakt2discovr report --html report.html"


def test_after_a_refusal_little_is_said(planned: Report) -> None:
    text = show_end(replace(planned, is_refused=True))
    assert text == "Nothing was written.\nNext: trakt2discovr migrate\n"


@given(st.text(), st.integers(4, 100))
def test_any_title_fits_and_is_harmless(text: str, cells: int) -> None:
    shown = title(text, cells)
    assert cell_len(shown) <= cells
    assert not CONTROL.search(shown)
    assert cell_len(pad(shown, cells)) == cells


@given(st.text(), st.integers(20, 100), st.integers(0, 12), st.integers(0, 12))
def test_any_text_is_wrapped_to_the_width_and_none_of_it_lost(
    text: str, columns: int, indent: int, hang: int
) -> None:
    room = columns + max(indent, hang)
    shown = draw(lambda console: say(console, text, indent=indent, hang=hang), room)
    assert all(cell_len(line) <= room for line in shown.split("\n"))
    assert "".join(shown.split()) == "".join(clean(text).split())


@given(st.sets(st.integers(0, 60), min_size=1))
def test_season_ranges_name_each_season_once(numbers: set[int]) -> None:
    named: Counter[int] = Counter()
    for part in seasons(numbers).split(", "):
        first, _, last = part.replace("S", "").partition("-")
        named.update(range(int(first), int(last or first) + 1))
    assert named == Counter(numbers)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [([1, 2, 3, 5], "S1-S3, S5"), ([2], "S2"), ([4, 1, 2], "S1-S2, S4")],
)
def test_season_ranges_are_compact(numbers: list[int], words: str) -> None:
    assert seasons(numbers) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "a second"),
        (1, "1 second"),
        (61, "1 minute 1 second"),
        (754, "12 minutes"),
        (3600, "1 hour"),
        (7261, "2 hours 1 minute"),
    ],
)
def test_durations_are_said_in_words(seconds: float, words: str) -> None:
    assert duration(seconds) == words


def test_blanks_of_any_kind_are_spaces_and_joiners_stay() -> None:
    assert clean("a\xa0b\u3000c") == "a b c"
    assert clean("\u200d\u200c") == "\u200d\u200c"
    assert count(1, "entry", "entries") == "1 entry"
    assert count(2000, "play") == "2,000 plays"


@pytest.mark.parametrize("columns", [60, 80, 120])
def test_what_a_key_would_save_is_said_first_and_once(
    planned: Report, columns: int
) -> None:
    bare = undated(planned)
    text = show_plan(bare, columns, is_full=True)
    lines = " ".join(text.split())
    assert lines.startswith("About ")
    assert " writes can be saved (" in lines.partition(":")[0]
    assert "themoviedb.org/settings/api" in lines
    assert '[tmdb] api_key = "..."' in lines
    command = lines.partition("Set it: ")[2].split()[1]
    assert command == "setup"
    assert command in app.commands
    assert "no air dates" not in lines
    assert "can be saved" not in show_plan(planned, columns)


def undated(report: Report) -> Report:
    """Return the report as it is where nobody knows air dates."""
    prepared = report.prepared
    plan = reconcile(prepared.compared.desired, prepared.existing, Rules())
    known = replace(prepared, plan=plan, could_save=412)
    writes = len(plan.operations)
    return replace(report, prepared=known, outlook=Estimate(writes, 5, 412))
