"""What the page says, before any browser sees it."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from html import unescape
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sync.documents.left_out import QuarantinedDocument
from sync.documents.move import BalanceDocument, MoveDocument
from sync.domain import desired
from sync.domain.desired import SPECIAL
from sync.domain.histories import SeasonFacts, TitleHistory
from sync.domain.plan import Fate
from sync.domain.plays import UNKNOWN_DATE, Ids, Key, Kind, Play, Title
from sync.report.account import (
    AGAIN,
    build_balance,
    build_head,
    build_left,
    build_points,
    build_runs,
)
from sync.report.markdown import render
from sync.report.months import MOST_YEARS, build_months
from sync.report.page import build_page, render_html
from sync.report.squares import SQUARES, UNWATCHED
from sync.report.watched import build_films, build_shows, failure_details
from tests.report_suite.builders import (
    FIRST,
    HOSTILE,
    SHOWN,
    data,
    eventful,
    failure,
    film,
    left_out,
    report,
    run,
    show,
)
from tests.terminal_suite.reports import context

if TYPE_CHECKING:
    from sync.report.data import ReportData

STYLE = (files("sync.report") / "templates" / "style.css").read_text("utf-8")
YEARS_APART = MOST_YEARS + 1

moments = st.datetimes(
    min_value=datetime(1900, 1, 1),  # noqa: DTZ001  # made aware below
    max_value=datetime(2099, 1, 1),  # noqa: DTZ001  # made aware below
).map(lambda at: at.replace(second=0, microsecond=0, tzinfo=UTC))
watches = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 30), moments | st.just(UNKNOWN_DATE)),
    max_size=40,
)


def history(plays: list[tuple[int, int, datetime]]) -> TitleHistory:
    title = Title(Kind.SHOW, "Any", 2001, Ids(trakt=1))
    fates = {Key("TV_1", s, e): Fate.WRITTEN for s, e, _ in plays if s and e}
    watched = tuple(Play(title, at, s, e) for s, e, at in plays)
    return TitleHistory(title, "TV_1", watched, fates)


@given(watches)
def test_each_play_is_told_by_exactly_one_square(
    plays: list[tuple[int, int, datetime]],
) -> None:
    (shown,) = build_shows([history(plays)], {})
    squares = [square for season in shown.seasons for square in season.squares]
    assert shown.plays == len(plays)
    assert len(squares) == shown.episodes == len({(s, e) for s, e, _ in plays})
    told = 0
    for square in squares:
        times = square.text.partition("watched ")[2].split(", ")
        for time in times:
            again = re.fullmatch(r"date unknown \((\d+) times\)", time)
            told += int(again[1]) if again else 1
    assert told == len(plays)


@given(st.lists(moments | st.just(UNKNOWN_DATE), max_size=60))
def test_the_bars_and_the_table_hold_every_dated_play(times: list[datetime]) -> None:
    months = build_months(times)
    assert months.plays + months.undated == len(times)
    assert sum(row.total for row in months.rows) == months.plays
    assert months.plays == sum(c.plays for row in months.rows for c in row.cells)
    counted = [
        int(bar.label.partition(": ")[2].replace(",", "")) for bar in months.bars
    ]
    assert sum(counted) == months.plays
    for bar in months.bars:
        assert 0 <= float(bar.x[:-1]) < 100
        assert float(bar.x[:-1]) + float(bar.width[:-1]) <= 100.001
    assert all((c.level > 0) == (c.plays > 0) for r in months.rows for c in r.cells)


@pytest.mark.parametrize(("years", "expected"), [(3, 4), (YEARS_APART, 2)])
def test_a_play_dated_by_mistake_does_not_stretch_the_axis(
    years: int, expected: int
) -> None:
    months = build_months([FIRST, FIRST.replace(year=FIRST.year + years)])
    last = float(months.bars[-1].x[:-1])
    assert last == pytest.approx(100 * (expected - 1) / expected, abs=0.01)
    assert months.has_gaps == (years == YEARS_APART)
    assert len(months.rows) == 2


columns = st.fixed_dictionaries({c.value: st.integers(0, 10**6) for c in Fate})


@given(columns)
def test_the_bar_of_the_balance_is_whole_and_no_segment_is_too_small_to_see(
    counts: dict[str, int],
) -> None:
    balance = build_balance(BalanceDocument(read=sum(counts.values()), **counts))
    assert sum(row.plays for row in balance.rows) == balance.read
    x = 0.0
    for row in balance.rows:
        assert float(row.x[:-1]) == pytest.approx(x, abs=0.01)
        assert float(row.width[:-1]) > 1
        assert f"{row.plays:,} {row.name}" in balance.sentence
        x += float(row.width[:-1])
    assert x == pytest.approx(100 if balance.rows else 0, abs=0.01)


def moved(**fields: int) -> MoveDocument:
    """Return the whole move, of which the last run was a part."""
    balance = BalanceDocument(read=sum(fields.values()), **fields)
    there = balance.written + balance.already_there + balance.covered
    return MoveDocument(on_discovr=there, balance=balance)


def test_the_page_tells_of_the_whole_move_and_of_the_last_run_below() -> None:
    move = moved(written=700, covered=203, unsupported=7, unmatched=3)
    page = build_page(data(report=report(move=move)))
    assert page.head.headline == "903 of 913 plays are on Discovr (99 %)"
    assert page.balance.read == 913
    assert page.last
    assert page.last.read == 10
    html = render_html(data(report=report(move=move)))
    assert "<h1>903 of 913 plays are on Discovr (99 %)</h1>" in html
    assert "913 plays read from Trakt, proved whole" in html
    assert "Plays of the last run" in html
    # One run alone is all of the move, and is told once.
    assert build_page(data()).last is None
    assert "Plays of the last run" not in render_html(data())


def test_a_run_that_was_taken_back_since_is_said_before_all_else() -> None:
    move = moved(written=9).model_copy(update={"undone": 3})
    head = build_head(data(report=report(move=move)))
    words = "9 of 9 plays were on Discovr until run 3 was taken back"
    assert head.headline == words
    assert not head.is_proved
    assert "run 3 was taken back since then" in head.proof


def test_a_sync_that_reads_nothing_back_rests_on_the_last_whole_reading() -> None:
    unread = report(verification=None)
    assert not build_head(data(report=unread)).is_proved
    head = build_head(data(report=unread, read_whole_at=FIRST))
    assert head.is_proved
    assert "both sides were last read whole on 2019-01-05" in head.proof


def test_a_title_leads_to_its_page_on_tmdb_and_what_did_not_match_to_a_search() -> None:
    lost = left_out('Who & "what"?', trakt=7)
    shown = data(
        show("Dark", {1: Fate.WRITTEN}, media="TV_70523"),
        film("Alien", number=348),
        film("Lost", None, number=9),
        show("Odd", {1: Fate.WRITTEN}, media="TV_x", number=5),
        report=report(unmatched=(lost,), unsupported=(left_out("Who", SPECIAL),)),
    )
    html = render_html(shown)
    assert set(re.findall(r'href="(https?:[^"]*)"', html)) == {
        "https://www.themoviedb.org/tv/70523",
        "https://www.themoviedb.org/movie/348",
        "https://www.themoviedb.org/search/tv?query=Who+%26+%22what%22%3F",
    }


COMMAND = re.compile(r"trakt2discovr (?:--?\S+ )*(?:migrate|unmatched|report)\b.*")


@given(moments, st.integers(-12 * 60, 14 * 60))
@settings(max_examples=12)
def test_every_time_is_utc_and_it_is_said(at: datetime, minutes: int) -> None:
    there = at.astimezone(timezone(timedelta(minutes=minutes)))
    shown = data(
        film("Alien", Fate.WRITTEN, there), at=there, runs=(run(7, started_at=there),)
    )
    html, said = render_html(shown), at.isoformat(" ", "minutes")[:16]
    assert html.count(f"{said} UTC") == 2
    assert f"written, {said}</small>" in html
    assert "All times are UTC." in html
    assert f"{said} UTC" in render(shown.report, there)


def test_the_commands_of_a_rehearsal_are_those_of_the_rehearsal() -> None:
    def plain(shown: ReportData) -> list[str]:
        return COMMAND.findall(unescape(re.sub("<[^>]*>", "", render_html(shown))))

    real = plain(replace(eventful(), is_rehearsal=False))
    assert len(real) > 2
    assert not any("--sandbox" in line for line in real)
    assert all("--sandbox" in line for line in plain(eventful()))
    typed = replace(eventful(), complete=context(profile="Me").complete)
    assert all("trakt2discovr --profile Me " in line for line in plain(typed))


def test_a_record_that_cannot_be_read_has_the_remedy_of_where_it_came_from() -> None:
    records = (
        QuarantinedDocument(where="a", reason="odd", remedy="correct it in the file"),
        QuarantinedDocument(where="b", reason="odd", remedy="correct it in the file."),
        QuarantinedDocument(where="c", reason="odd"),
    )
    groups = build_left(report(quarantined=records), {})
    assert {group.advice: len(group.items) for group in groups} == {
        "Correct it in the file.": 2,
        "Look the record up on Trakt, correct or remove it there, and run again.": 1,
    }


reasons = st.sampled_from(["", "no air dates: nothing is collapsed", "off", "apart"])


@given(st.lists(st.lists(reasons, min_size=1, max_size=4), max_size=6))
@settings(max_examples=25)
def test_each_reason_is_said_once_and_every_season_finds_its_own(
    shows: list[list[str]],
) -> None:
    histories = []
    for number, of_show in enumerate(shows):
        whole = show(
            f"Show {number}", *[{1: Fate.WRITTEN}] * len(of_show), media=f"TV_{number}"
        )
        seasons = tuple(map(_because, whole.seasons, of_show))
        histories.append(replace(whole, seasons=seasons))
    page = build_page(data(*histories))
    for of_show, shown in zip(shows, page.shows, strict=True):
        own = {one.id: one.reason for one in (*page.reasons, *shown.reasons)}
        found = [
            season.reason or own.get(season.told_in, "") for season in shown.seasons
        ]
        assert found == of_show
        said = [s.reason for s in shown.seasons if s.reason]
        said += [one.reason for one in shown.reasons]
        assert len(said) == len(set(said))
        assert not {*said} & {one.reason for one in page.reasons}
    ids = [one.id for shown in page.shows for one in shown.reasons]
    ids += [one.id for one in page.reasons]
    assert len(ids) == len(set(ids))


def _because(season: SeasonFacts, reason: str) -> SeasonFacts:
    return replace(season, reason=reason)


def test_every_state_is_a_square_of_its_own_with_its_words() -> None:
    fates: dict[int, Fate | None] = dict(enumerate(SHOWN, start=1))
    fates[len(SHOWN) + 1] = None
    (shown,) = build_shows([show("Dark", fates)], {})
    (season,) = shown.seasons
    states = [*(SQUARES[fate] for fate in SHOWN), UNWATCHED]
    assert [square.code for square in season.squares] == [s.code for s in states]
    for state, square in zip(states, season.squares, strict=True):
        assert state.name in square.text
        assert f".{state.code} {{" in STYLE
    assert (season.watched, season.is_known) == (len(SHOWN), True)
    assert len({state.code for state in (*SQUARES.values(), UNWATCHED)}) == 10
    assert build_page(data(show("Dark", fates))).states == tuple(states)
    # The legend explains what is to be seen, and nothing else.
    (only,) = build_page(data(film("Alien"))).states
    assert only == SQUARES[Fate.WRITTEN]


def test_a_show_says_how_many_entries_stand_for_its_episodes() -> None:
    covered = dict.fromkeys(range(1, 11), Fate.COVERED)
    mixed = {1: Fate.WRITTEN, 2: Fate.ALREADY_THERE, 3: Fate.FAILED}
    (shown,) = build_shows([show("Dark", covered, covered | mixed)], {})
    assert (shown.episodes, shown.entries) == (20, 1 + 2 + 1)


def test_specials_come_last_and_cannot_be_expressed() -> None:
    plays = [(0, 1, FIRST), (2, 1, FIRST), (1, 1, FIRST)]
    (shown,) = build_shows([history(plays)], {})
    assert [s.name for s in shown.seasons] == ["Season 1", "Season 2", "Specials"]
    assert "not possible" in shown.seasons[-1].squares[0].text


def test_of_an_unmatched_show_specials_are_still_what_discovr_cannot_express() -> None:
    title = Title(Kind.SHOW, "Nobody knows it")
    plays = (Play(title, FIRST, 0, 1), Play(title, FIRST, 1, 1))
    (shown,) = build_shows([TitleHistory(title, None, plays)], {})
    assert [s.squares[0].code for s in shown.seasons] == ["u", "x"]


def test_a_number_that_nobody_counts_to_makes_one_square() -> None:
    (shown,) = build_shows([history([(1, 2**31, FIRST), (2**31, 1, FIRST)])], {})
    assert [len(season.squares) for season in shown.seasons] == [1, 1]


def test_a_write_that_did_not_arrive_is_told_where_it_is_missed() -> None:
    details = failure_details(
        [failure("TV_1", "refused by Discovr", 1, 2), failure("TV_2", "", 0)]
    )
    fates = dict.fromkeys((1, 2), Fate.FAILED)
    (shown,) = build_shows([show("Dark", fates)], details)
    for square in shown.seasons[0].squares:
        assert "failed (refused by Discovr); watched" in square.text
    assert details[Key("TV_2", 1, 0)] == "rejected"


def test_films_stand_in_the_year_of_their_latest_play() -> None:
    later = FIRST + timedelta(days=700)
    years = build_films(
        [
            film("Alien", Fate.WRITTEN, later, FIRST, UNKNOWN_DATE, UNKNOWN_DATE),
            film("Casablanca", Fate.ALREADY_THERE, UNKNOWN_DATE, number=2),
            film("Up", None, FIRST, number=3),
        ],
        {},
    )
    assert [(y.name, [f.name for f in y.films]) for y in years] == [
        ("2020", ["Alien"]),
        ("2019", ["Up"]),
        ("Date unknown", ["Casablanca"]),
    ]
    times = "2019-01-05 20:00, 2020-12-05 20:00, date unknown (2 times)"
    assert years[0].films[0].times == times
    assert years[1].films[0].state == "unmatched"


@pytest.mark.parametrize(
    ("fields", "is_proved", "words"),
    [
        (
            {},
            True,
            "proved whole; Discovr was read back, and everything is in its place",
        ),
        ({"verification": None}, False, "Discovr was not read back"),
        ({"failed": (failure("TV_1", "refused"),)}, False, "1 write did not arrive"),
        (
            {"verification": eventful().report.verification},
            False,
            "something is not in its place: 1 missing, 1 doubled",
        ),
        (
            {"receipt": eventful().report.receipt},
            False,
            "10 plays read from Trakt, not proved whole",
        ),
    ],
)
def test_the_head_claims_no_more_than_was_proved(
    fields: dict[str, object], is_proved: bool, words: str
) -> None:
    head = build_head(data(report=report(**fields)))
    assert head.is_proved is is_proved
    assert words in head.proof


def test_every_reason_comes_with_what_to_do() -> None:
    reasons = (desired.NO_ID, desired.NO_ANSWER, desired.SPECIAL, desired.EPISODE_ZERO)
    for reason in reasons:
        (group,) = build_left(report(unmatched=(left_out("Dark", reason),)), {})
        assert reason in group.heading
        assert group.advice != AGAIN
    groups = build_left(eventful().report, {"TV_1": "Dark"})
    assert all(group.advice and group.items for group in groups)
    names = [item.name for group in groups for item in group.items]
    assert {"Dark S01E01", "Dark S01E07", "MV_1", "TV_404 S01"} < set(names)
    assert "TV_None" not in str(groups)


def test_titles_left_out_for_one_reason_stand_together() -> None:
    lefts = [left_out(name, reason) for name in "abc" for reason in ("one", "two")]
    groups = build_left(report(unmatched=tuple(lefts)), {})
    assert [[item.name for item in group.items] for group in groups] == [
        list("abc")
    ] * 2


def test_resume_points_say_what_became_of_them() -> None:
    first, second, third = build_points(eventful().report.playback)
    assert (first.name, first.place, first.outcome) == (
        HOSTILE[0],
        "S02E04",
        "at 43.5 %, written",
    )
    assert second.outcome == "at 43.5 %, failed: refused"
    assert (third.place, third.outcome) == ("", "at 43.5 %, left out: finished later")
    assert build_points(None) == ()


def test_a_run_that_was_killed_has_no_end() -> None:
    finished, killed = build_runs([run(), run(2, finished_at=None, outcome=None)])
    assert (finished.took, finished.outcome) == ("1 min 14 s", "loaded")
    assert (killed.took, killed.outcome) == ("", "not finished")


def test_the_same_material_gives_the_same_page() -> None:
    assert build_page(eventful()) == build_page(eventful())
    assert render_html(eventful()) == render_html(eventful())


def test_the_policy_names_the_digest_of_the_one_style_and_the_one_script() -> None:
    html = render_html(eventful())
    policy = unescape(
        re.findall(r'Content-Security-Policy" content="([^"]*)"', html)[0]
    )
    for name in ("style", "script"):
        (content,) = re.findall(rf"<{name}>(.*?)</{name}>", html, flags=re.DOTALL)
        digest = b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{name}-src 'sha256-{digest}'" in policy
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy


def test_the_page_loads_nothing_and_leads_to_tmdb_alone() -> None:
    html = render_html(data(show("Dark", {1: Fate.WRITTEN}), film("Alien")))
    addresses = set(re.findall(r"https?://[^\s'\"<)]+", html))
    addresses -= {a for a in addresses if a.startswith("https://www.themoviedb.org/")}
    assert addresses == {"http://www.w3.org/2000/svg"}
    assert not re.search(
        r"@import|url\(|<(link|script)[^>]+(src|href)=\"(?!data:)", html
    )


@pytest.mark.parametrize("title", [*HOSTILE, "\ud800 half a pair", "nul \0 inside"])
def test_no_title_becomes_markup(title: str) -> None:
    plain = render_html(data(show("Dark", {1: Fate.WRITTEN}), film("Alien")))
    html = render_html(data(show(title, {1: Fate.WRITTEN}), film(title)))
    tags = re.compile(r"<[a-z!/][^>]*>")
    assert tags.findall(html) == tags.findall(plain)


@pytest.mark.parametrize(
    "letter", ["\0", "\a", "\r", "\x1b[31m", "\x7f", "\x9b2J", "\x85"]
)
def test_no_title_brings_what_html_forbids(letter: str) -> None:
    title = f"a{letter}b"
    html = render_html(data(show(title, {1: Fate.WRITTEN}), film(title)))
    assert "a\N{REPLACEMENT CHARACTER}" in html
    heeded = {*map(chr, (*range(0x20), *range(0x7F, 0xA0)))} - {"\n", "\t"}
    assert not set(html) & heeded


def test_a_large_history_makes_a_small_page() -> None:
    seasons = [dict.fromkeys(range(1, 11), Fate.COVERED)] * 5
    shows = [show(f"Show {n}", *seasons, number=n, plays=2) for n in range(40)]
    html = render_html(data(*shows))
    plays, squares = 4_000, 2_000
    # 100,000 plays of 50,000 episodes: below 10 MB and 100,000 elements.
    assert len(html) < 50_000 + 100 * plays
    assert len(re.findall(r"<[a-z]", html)) < 500 + 2 * squares


def test_a_page_without_anything_says_so() -> None:
    empty = report(balance=BalanceDocument(read=0), writes=0, saved=0)
    html = render_html(data(report=empty))
    for words in ("No show is known", "No film is known", "No play with a date"):
        assert words in html
