"""What speaks against a download being whole is said, and nothing else is."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.export_builders import (
    make_activities,
    make_episode_play,
    make_file,
    make_film_play,
    make_folder,
    make_plays,
    make_stats,
    make_zip,
    read,
)

if TYPE_CHECKING:
    from pathlib import Path

BEFORE = datetime(2026, 8, 1, tzinfo=UTC)
COULD_LOSE = "Trakt's export could lose the oldest plays."


def doubts_of(tmp_path: Path, members: dict[str, Any], **options: Any) -> list[str]:
    return read(make_zip(tmp_path / "x.zip", members, **options)).doubts


def number(*pages: int, stem: str = "watched-history-") -> dict[str, Any]:
    return {f"{stem}{n}.json": [make_film_play(n)] for n in pages}


@pytest.mark.parametrize(
    ("pages", "doubt"),
    [
        ((1, 2, 4), "page 3 (3)"),
        ((2, 3), "page 1 (1)"),
        ((1, 3, 4, 5, 9), "4 pages (2, 6-8)"),
        ((1, 3, 5, 7, 9, 11, 13), "6 pages (2, 4, 6, 8, 10, ...)"),
    ],
)
@pytest.mark.parametrize("stem", ["watched-history-", "top/watched/history-"])
def test_a_gap_in_the_numbers_is_a_doubt(
    pages: tuple[int, ...], doubt: str, stem: str, tmp_path: Path
) -> None:
    series = stem.rpartition("/")[2].rstrip("-")
    verb = "are" if "pages" in doubt else "is"
    expected = f"Of {series}, {doubt} {verb} missing."
    assert doubts_of(tmp_path, number(*pages, stem=stem)) == [expected]


@pytest.mark.parametrize(
    "names",
    [
        ["history-2024", "history-2025"],
        ["history-2024-01-31"],
        ["history_20240131"],
        ["history-0", "history-1"],
        ["watched-history (1)"],
        ["watched-history-1 (2)", "watched-history-2"],
        ["history_movies", "history_episodes"],
    ],
)
def test_not_every_number_in_a_name_is_that_of_a_page(
    names: list[str], tmp_path: Path
) -> None:
    members = {f"{n}.json": [make_film_play(i)] for i, n in enumerate(names)}
    assert doubts_of(tmp_path, members) == []


def test_gaps_are_sought_in_each_place_by_itself(tmp_path: Path) -> None:
    first, second = number(1, 3, stem="a/history-"), number(1, 2, 3, stem="b/history-")
    folder = make_folder(tmp_path / "x", first | second)
    assert read(folder).doubts == ["Of history, page 2 (2) is missing."]


def test_what_trakt_failed_to_export_is_a_doubt_if_it_is_the_history(
    tmp_path: Path,
) -> None:
    failure = {"error": "Timeout", "fetchedPages": 3, "totalPages": 12}
    failures = [
        {"endpoint": "users/someone/history?extended=gdpr", **failure},
        {"endpoint": "users/someone/ratings/movies", **failure},
        {"endpoint": "users/someone/lists/history-of-film/items", **failure},
    ]
    data = read(
        make_zip(tmp_path / "x.zip", number(1, 2, 3) | {"_errors.json": failures})
    )
    (doubt,) = data.doubts
    assert doubt.startswith("Trakt says in _errors.json that it could not export the")
    assert doubt.endswith("history: 3 of 12 pages.")
    assert data.notes == [
        "Trakt could not export: ratings/movies, history-of-film/items."
    ]


@pytest.mark.parametrize("content", [b"[{", {"what": "ever"}, b"\xff"])
def test_an_error_list_that_cannot_be_read_is_a_doubt(
    content: Any, tmp_path: Path
) -> None:
    (doubt,) = doubts_of(tmp_path, number(1) | {"_errors.json": content})
    assert doubt.startswith("_errors.json ")


@pytest.mark.parametrize(
    ("stats", "doubt"),
    [
        (make_stats(2, 1), None),
        (make_stats(1, 1), None),
        (
            make_stats(3, 1),
            "count 3 film plays and 1 episode play, the files hold 2 and 1.",
        ),
        (
            make_stats(0, 1_500),
            "count 0 film plays and 1,500 episode plays, the files hold 2 and 1.",
        ),
        ({"movies": {"plays": True}, "episodes": {"plays": "x"}}, None),
    ],
)
def test_totals_that_are_higher_are_a_doubt(
    stats: Any, doubt: str | None, tmp_path: Path
) -> None:
    history = [*make_plays(2), make_episode_play()]
    members = {"watched-history.json": history, "user-stats.json": stats}
    found = [
        d.removeprefix("Trakt's own totals ") for d in doubts_of(tmp_path, members)
    ]
    assert found == ([doubt] if doubt else [])


def test_totals_that_are_lower_are_a_remark(tmp_path: Path) -> None:
    members = {
        "watched-history.json": make_plays(2),
        "user-stats.json": make_stats(1, 0),
    }
    assert len(read(make_zip(tmp_path / "x.zip", members)).notes) == 1


def test_what_is_set_aside_is_not_doubted_as_well(tmp_path: Path) -> None:
    listed = {"plays": 2, "last_watched_at": "2025-03-04T20:15:00Z"}
    members = {
        "watched-history.json": [make_film_play(1), make_film_play(1, watched_at="")],
        "user-stats.json": make_stats(2, 0),
        "watched-movies.json": [{**listed, "movie": make_film_play(1)["movie"]}],
    }
    data = read(make_zip(tmp_path / "x.zip", members))
    assert (len(data.quarantined), data.doubts) == (1, [])


def test_watched_lists_that_count_more_are_a_doubt(tmp_path: Path) -> None:
    entry = {"last_watched_at": "2025-03-04T20:15:00Z"}
    show, film = make_episode_play()["show"], make_film_play(1)["movie"]
    lost = {"title": "Lost film", "ids": {"trakt": 1429}}
    members = {
        "watched-history.json": [make_film_play(1), *map(make_episode_play, (1, 2))],
        "watched-movies.json": [
            {**entry, "plays": 1, "movie": film},
            {**entry, "plays": 4, "movie": lost},
        ],
        "watched-shows.json": [{**entry, "plays": 3, "show": show}],
    }
    (doubt,) = doubts_of(tmp_path, members)
    assert doubt.startswith("The watched lists count 5 plays more than the history,")
    assert doubt.endswith("of 2 titles: Lost film, The Wire.")


def test_a_download_of_the_time_that_lost_plays_is_a_doubt(tmp_path: Path) -> None:
    expected = f"The download was made about 2026-08-01; before 2026-08-18 {COULD_LOSE}"
    assert doubts_of(tmp_path, number(1), made_at=BEFORE) == [expected]


def test_the_last_activity_dates_a_folder(tmp_path: Path) -> None:
    activities = make_activities("2026-08-01T10:00:00.000Z")
    members = number(1) | {"user-last-activities.json": activities}
    (doubt,) = read(make_folder(tmp_path / "x", members)).doubts
    assert "made about 2026-08-01" in doubt


def test_pages_of_a_thousand_plays_date_a_download(tmp_path: Path) -> None:
    (doubt,) = doubts_of(tmp_path, {"watched-history-1.json": make_plays(999)})
    assert doubt.startswith("The pages of watched-history hold up to 999 plays, so")
    assert doubt.endswith(COULD_LOSE.removeprefix("Trakt's "))


def test_totals_that_agree_settle_when_it_was_made(tmp_path: Path) -> None:
    history = {"watched-history-1.json": make_plays(1_000)}
    members = history | {"user-stats.json": make_stats(1_000, 0)}
    assert doubts_of(tmp_path, members, made_at=BEFORE) == []


@pytest.mark.parametrize("count", [10, 100, 250, 1_000])
def test_one_full_page_of_a_backup_script_is_a_doubt(
    count: int, tmp_path: Path
) -> None:
    members = {"history_movies.json": make_plays(count)}
    (doubt,) = doubts_of(tmp_path, members)
    assert doubt.startswith(f"history_movies.json holds exactly {count:,} plays")
    assert doubts_of(tmp_path, members | {"stats.json": make_stats(count, 0)}) == []


@pytest.mark.parametrize("count", [9, 99, 101, 249])
def test_a_page_that_is_not_full_is_none(count: int, tmp_path: Path) -> None:
    assert doubts_of(tmp_path, {"history_movies.json": make_plays(count)}) == []


def test_a_full_last_page_is_no_doubt_since_the_export_reads_on(tmp_path: Path) -> None:
    members = {"watched-history.json": make_plays(250)}
    assert doubts_of(tmp_path, members) == []
    undated = make_file(tmp_path / "watched-history.json", make_plays(250))
    assert len(read(undated).doubts) == 1


def test_a_round_traktexport_file_is_a_doubt_unless_totals_agree(
    tmp_path: Path,
) -> None:
    whole = {"type": "full", "history": make_plays(400)}
    path = make_file(tmp_path / "export.json", whole)
    (doubt,) = read(path).doubts
    assert doubt.startswith("export.json holds exactly 400 plays; traktexport stops")
    make_file(path, whole | {"stats": make_stats(400, 0)})
    assert read(path).doubts == []


def test_what_traktexport_lists_as_watched_is_compared(tmp_path: Path) -> None:
    listed = {"plays": 2, "last_watched_at": "2025-03-04T20:15:00Z"}
    watched = [{**listed, "movie": make_film_play(1)["movie"]}, "bad"]
    whole = {"type": "full", "watched": watched, "history": make_plays(1)}
    (doubt,) = read(make_file(tmp_path / "export.json", whole)).doubts
    assert "1 play more than the history, of 1 title: Film 1." in doubt


@pytest.mark.parametrize(
    ("stats", "doubts"),
    [(None, ["The history in the files is empty."]), (make_stats(0, 0), [])],
)
def test_an_empty_history_is_a_doubt_unless_totals_agree(
    stats: Any, doubts: list[str], tmp_path: Path
) -> None:
    members = {"watched-history.json": []} | (
        {"user-stats.json": stats} if stats else {}
    )
    assert doubts_of(tmp_path, members) == doubts


def test_files_of_several_accounts_are_remarked(tmp_path: Path) -> None:
    for name in ("anna", "ben"):
        members = number(1) | {
            "user-settings.json": {"user": {"username": name}, "account": {}},
            "user-profile.json": {"username": name, "private": False},
        }
        make_zip(tmp_path / f"{name}.zip", members)
    data = read(tmp_path / "anna.zip", tmp_path / "ben.zip")
    assert data.notes == ["The files come from several accounts: anna, ben."]
    assert read(tmp_path / "anna.zip").notes == []
