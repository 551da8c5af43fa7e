"""Absence is no identity, and whose ids a row carries is settled or left open."""

from __future__ import annotations

import itertools
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.errors import RejectedError
from connectors.tmdb.models import EpisodeHit, FindAnswer, TitleAnswer
from sync.domain.desired import NO_ID, NO_KEY, OPEN_IDS, transform
from sync.domain.overrides import Override, TitleIndex, find_conflict
from sync.domain.plays import UNTITLED, Ids, Kind, Play, Title, title_key
from sync.extract.files import FileSource
from sync.transform.episodes import MOST_CLUES, find_show, gather_clues
from tests.clocks import FakeClock
from tests.export_builders import make_file, read
from tests.factories import at
from tests.strangers_suite.test_kinds import AT, to_csv

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sync.ports import Extraction

NAMELESS = ["", " ", UNTITLED, "(Untitled)"]
IDS = [{"trakt": 1}, {"imdb": "tt0000001"}, {"tmdb": 1}, {"tvdb": 1}, {"slug": "a"}, {}]


def extract(path: Path, content: Any) -> Extraction:
    return FileSource([make_file(path, content)], FakeClock())._extract()


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize(("one", "other"), list(itertools.product(NAMELESS, repeat=2)))
@pytest.mark.parametrize(
    ("some", "others"), list(itertools.combinations(IDS, 2)), ids=str
)
def test_an_id_given_for_one_nameless_title_reaches_no_other(
    kind: Kind, one: str, other: str, some: dict[str, Any], others: dict[str, Any]
) -> None:
    first, second = (
        Title(kind, one, None, Ids(**some)),
        Title(kind, other, None, Ids(**others)),
    )
    for title, stranger in ((first, second), (second, first)):
        index = TitleIndex([(title, "given")])
        assert index.find(stranger) is None
    assert find_conflict([Override(first, "1"), Override(second, "2")]) is None


def test_what_has_neither_name_nor_id_is_listed_one_by_one() -> None:
    nobody = Title(Kind.SHOW, UNTITLED)
    plays = [Play(nobody, at(n), 1, n, id=n) for n in (1, 2, 3)]
    assert [left.plays for left in transform(plays, {}).unmatched] == [1, 1, 1]
    somebody = Title(Kind.SHOW, "Lost")
    plays = [Play(somebody, at(n), 1, n, id=n) for n in (1, 2, 3)]
    assert [left.plays for left in transform(plays, {}).unmatched] == [3]


@given(st.lists(st.sampled_from(IDS[:4]), min_size=2, max_size=4, unique_by=str))
def test_a_slug_and_a_missing_name_make_no_key(known: list[dict[str, Any]]) -> None:
    titles = [Title(Kind.FILM, UNTITLED, None, Ids(slug="x", **ids)) for ids in known]
    assert len({title_key(title) for title in titles}) == len(titles)


@pytest.mark.parametrize("nothing", ["", "N/A", "null", "none"])
def test_episodes_without_their_show_are_each_set_aside(
    nothing: str, tmp_path: Path
) -> None:
    rows = [
        {"season": "4", "trakt_id": "2244736", "tmdb": nothing, "episode": "4"},
        {"season": "1", "trakt_id": "73482", "tmdb": "62085", "episode": "1"},
        {"season": "1", "trakt_id": "887001", "tmdb": "990001", "episode": "1"},
    ]
    rows = [row | {"watched_at": AT, "show_title": nothing} for row in rows]
    found = extract(tmp_path / "episodes.csv", to_csv(*rows))
    assert found.plays == []
    assert [one.where for one in found.quarantined] == [
        f"episodes.csv row {n}" for n in (1, 2, 3)
    ]
    for one in found.quarantined:
        assert "without its show" in one.reason
        assert (one.kind, one.title) == (Kind.SHOW, None)
        assert json.loads(one.raw)["season"]
        assert one.remedy


@pytest.mark.parametrize("nothing", [None, "", "N/A", {}, [], "(x)"])
def test_an_unusable_imdb_id_joins_no_two_films(nothing: Any, tmp_path: Path) -> None:
    films = [
        {"watched_at": AT, "type": "movie", "movie": {"title": name, "ids": ids}}
        for name in ("Heat", "Ghost")
        for ids in [{"imdb": nothing, "slug": nothing}]
    ]
    found = extract(tmp_path / "history.json", films)
    assert len({title_key(play.title) for play in found.plays}) == 2


IDS_OF = {"trakt_id": "1388", "imdb_id": "tt0903747", "tmdb_id": "1396"}


def episode_row(number: int, title: str = "Breaking Bad", **ids: str) -> dict[str, str]:
    row = {"type": "episode", "title": title, "season": "1", "episode": str(number)}
    return row | ids | {"watched_at": f"2024-01-{number + 10}T12:00:00Z"}


def own_ids(number: int) -> dict[str, str]:
    return {"trakt_id": f"7348{number}", "imdb_id": f"tt095962{number}"}


def test_ids_that_several_episodes_share_are_the_shows(tmp_path: Path) -> None:
    rows = [episode_row(n, **IDS_OF) for n in (1, 2)]
    lone = episode_row(3, "Lost", tmdb_id="4607")
    found = extract(tmp_path / "rows.csv", to_csv(*rows, lone))
    assert {(play.title.name, play.title.ids.tmdb) for play in found.plays} == {
        ("Breaking Bad", 1396),
        ("Lost", 4607),
    }
    assert found.quarantined == []


def test_ids_that_change_with_the_episode_are_its_own(tmp_path: Path) -> None:
    rows = [episode_row(n, **own_ids(n)) for n in (1, 2)]
    lone = episode_row(3, "Lost", imdb_id="tt0636289")
    found = extract(tmp_path / "rows.csv", to_csv(*rows, lone))
    assert len(found.plays) == 3
    assert {play.title.ids for play in found.plays} == {Ids()}
    assert [p.episode_ids.imdb for p in found.plays if p.episode_ids] == [
        "tt0959621",
        "tt0959622",
        "tt0636289",
    ]


def test_what_neither_the_file_nor_tmdb_can_tell_is_set_aside(tmp_path: Path) -> None:
    row = episode_row(1, tmdb_id="1396")
    found = extract(tmp_path / "rows.csv", to_csv(row))
    ((one),) = found.quarantined
    assert "whether its ids are those of the show or of the episode" in one.reason
    assert "show_tmdb_id" in one.remedy
    settled = row | {"show_tmdb_id": row.pop("tmdb_id")}
    (play,) = extract(tmp_path / "rows.csv", to_csv(settled)).plays
    assert play.title.ids.tmdb == 1396


def test_two_pilots_are_not_one_show(tmp_path: Path) -> None:
    rows = [episode_row(1, "Pilot", imdb_id=f"tt095962{n}") for n in (1, 2)]
    found = extract(tmp_path / "rows.csv", to_csv(*rows))
    assert len({title_key(play.title) for play in found.plays}) == 2


class Tmdb:
    """Answers ``find`` from a table; what it does not know it refuses."""

    def __init__(self, **answers: FindAnswer) -> None:
        self.answers = answers
        self.asked: list[tuple[object, str]] = []

    async def find(self, number: object, source: str) -> FindAnswer:
        self.asked.append((number, source))
        key = number if source == "imdb_id" else f"tvdb{number}"
        if key not in self.answers:
            raise RejectedError("unknown")
        return self.answers[str(key)]


def show_hit(number: int, name: str = "Breaking Bad") -> FindAnswer:
    return FindAnswer(tv_results=[TitleAnswer(id=number, name=name)])


def episode_hit(show: int, season: int = 1, episode: int = 1) -> FindAnswer:
    hit = EpisodeHit(
        id=62085, show_id=show, season_number=season, episode_number=episode
    )
    return FindAnswer(tv_episode_results=[hit])


TITLE = Title(Kind.SHOW, "Breaking Bad", 2008)


async def look_up(client: Tmdb, *ids: Ids) -> int | None:
    plays = [Play(TITLE, at(n), 1, n, episode_ids=i) for n, i in enumerate(ids, 1)]
    clues: Sequence[Any] = gather_clues(plays, {TITLE}).get(TITLE, [])
    return await find_show(client, TITLE, clues)  # type: ignore[arg-type]


async def test_tmdb_tells_whose_ids_they_are() -> None:
    client = Tmdb(tt1=show_hit(1396), tt2=episode_hit(1396), tt3=FindAnswer())
    assert await look_up(client, Ids(imdb="tt1")) == 1396
    assert await look_up(client, Ids(imdb="tt2")) == 1396
    assert await look_up(client, Ids(imdb="tt1"), Ids(imdb="tt2")) == 1396
    assert await look_up(client, Ids(imdb="tt3")) is None
    assert await look_up(client, Ids(imdb="tt9")) is None
    assert await look_up(client, Ids(tmdb=1396, trakt=5)) is None


async def test_clues_that_disagree_settle_nothing() -> None:
    client = Tmdb(tt1=show_hit(1396), tt2=episode_hit(4607))
    assert await look_up(client, Ids(imdb="tt1"), Ids(imdb="tt2")) is None
    both = FindAnswer(
        tv_results=show_hit(1396).tv_results,
        tv_episode_results=episode_hit(4607).tv_episode_results,
    )
    assert await look_up(Tmdb(tt1=both), Ids(imdb="tt1")) is None


async def test_a_tvdb_number_needs_something_that_agrees() -> None:
    """TVDB counts shows and episodes apart: one number can be one of each."""
    for answer, found in (
        (show_hit(1396), 1396),
        (show_hit(1396, "Another"), None),
        (episode_hit(1396), 1396),
        (episode_hit(1396, season=7), None),
    ):
        assert await look_up(Tmdb(tvdb81189=answer), Ids(tvdb=81189)) == found
    client = Tmdb(tvdb81189=show_hit(1396, "Another"))
    assert await look_up(client, Ids(tvdb=81189, tmdb=1396)) == 1396


async def test_a_long_season_is_not_asked_about_episode_by_episode() -> None:
    client = Tmdb()
    await look_up(client, *(Ids(imdb=f"tt{n}") for n in range(1, 200)))
    assert len(client.asked) <= MOST_CLUES


def test_clues_are_spread_over_all_seasons_in_one_order() -> None:
    """Whatever the order of the rows, the same are asked about."""
    plays = [
        Play(TITLE, at(), season, number, episode_ids=Ids(imdb=f"tt{season}{number}"))
        for season in (None, 1, 2)
        for number in (None, 1, 2, 3, 4)
    ]
    plays += [Play(TITLE, at(), episode_ids=Ids(tvdb=n)) for n in (1, 2, 3)]
    asked = gather_clues(plays, {TITLE})[TITLE]
    assert gather_clues(plays[::-1], {TITLE})[TITLE] == asked
    ids = [clue.ids.imdb or clue.ids.tvdb for clue in asked]
    assert ids == [1, "ttNone1", "tt1None", "tt14", "tt23"]
    few = gather_clues(plays[:MOST_CLUES], {TITLE})[TITLE]
    assert len(few) == MOST_CLUES


def test_what_stays_open_says_so() -> None:
    plays = [Play(TITLE, at(), 1, 1, episode_ids=Ids(imdb="tt9"))]
    assert [left.reason for left in transform(plays, {}).unmatched] == [OPEN_IDS]
    assert transform(plays, {}, no_id=NO_KEY).unmatched[0].reason == NO_KEY
    plays = [plays[0]._replace(episode_ids=None)]
    assert transform(plays, {}).unmatched[0].reason == NO_ID


def test_rows_without_any_name_that_tmdb_can_look_up_stay_apart(
    tmp_path: Path,
) -> None:
    rows = [episode_row(1, "", imdb_id=f"tt095962{n}") for n in (1, 2, 2)]
    found = read(make_file(tmp_path / "rows.csv", to_csv(*rows)))
    assert found.plays == 3
    keys = [
        title_key(p.title) for p in extract(tmp_path / "b.csv", to_csv(*rows)).plays
    ]
    assert len(set(keys)) == 2
