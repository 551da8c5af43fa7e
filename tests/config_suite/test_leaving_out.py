"""What is to be left out, as it is set: a wrong value names the nearest right one."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from click.testing import CliRunner

from connectors.errors import ConfigError
from sync.cli.app import app
from sync.config import ENV_PREFIX, Settings, load_settings
from sync.domain.filters import Filter, Only
from sync.runtime.wanted import parse_since

if TYPE_CHECKING:
    from pathlib import Path

MIDNIGHT = datetime(2020, 1, 31, tzinfo=UTC)
_ENV = f"{ENV_PREFIX}HISTORY__"


def of_file(folder: Path, line: str) -> Filter:
    path = folder / "config.toml"
    path.write_text(f"[history]\n{line}\n", encoding="utf-8")
    return load_settings(path, {}).history.filter


def of_environment(**values: str) -> Filter:
    named = {f"{_ENV}{name.upper()}": value for name, value in values.items()}
    return load_settings(None, named).history.filter


@pytest.mark.parametrize(
    ("written", "moment"),
    [
        ('"2020-01-31"', MIDNIGHT),
        ("2020-01-31", MIDNIGHT),
        ('" 2020-01-31 "', MIDNIGHT),
        ('"2020-01-31T18:00Z"', MIDNIGHT.replace(hour=18)),
        ('"2020-01-31T18:00:30+01:00"', MIDNIGHT.replace(hour=17, second=30)),
        ("2020-01-31T18:00:00-05:00", MIDNIGHT.replace(hour=23)),
        ('"2020-01-31 18:00"', MIDNIGHT.replace(hour=18)),
        ("2020-01-31T18:00:00", MIDNIGHT.replace(hour=18)),
    ],
)
def test_a_day_begins_at_midnight_utc_and_an_instant_says_its_zone(
    tmp_path: Path, written: str, moment: datetime
) -> None:
    assert of_file(tmp_path, f"since = {written}").since == moment
    assert of_environment(since=written.strip('"')).since == moment
    assert (
        Settings.model_validate({"history": {"since": moment}}).history.since == moment
    )


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("2020-02-30", "2020-02-29"),
        ("2020-1-5", "2020-01-05"),
        ("2020/01/31", "2020-01-31"),
        ("31.1.2020", "2020-01-31"),
        ("31/12/2019", "2019-12-31"),
        ("12/31/2019", "2019-12-31"),
        ("2020", "2020-01-01"),
        ("2020-06", "2020-06-01"),
        ("yesterday", "2020-01-31"),
        ("2020-13-01", "2020-01-31"),
        ("0001-01-01T00:00+14:00", "2020-01-31"),
    ],
)
def test_what_is_no_date_is_refused_with_the_nearest(
    tmp_path: Path, written: str, nearest: str
) -> None:
    with pytest.raises(ConfigError, match=re.escape(nearest)):
        of_file(tmp_path, f'since = "{written}"')
    with pytest.raises(ConfigError, match=re.escape(nearest)):
        of_environment(since=written)
    with pytest.raises(ConfigError, match="no date"):
        of_file(tmp_path, "since = 2020")
    result = CliRunner().invoke(app, ["plan", "--since", written])
    assert result.exit_code == 2
    assert nearest in result.stderr


def test_any_day_is_read_back_as_it_is_written() -> None:
    for days in range(0, 40_000, 997):
        day = date(1950, 1, 1) + timedelta(days=days)
        moment = parse_since(day.isoformat())
        assert moment
        assert (moment.date(), moment.utcoffset()) == (day, timedelta())
        assert parse_since(moment.isoformat()) == parse_since(moment) == moment


@pytest.mark.parametrize(
    ("written", "nearest"),
    [
        ("movies", "did you mean 'films'?"),
        ("film", "did you mean 'films'?"),
        ("fimls", "did you mean 'films'?"),
        ("Series", "did you mean 'shows'?"),
        ("tv", "did you mean 'shows'?"),
        ("show", "did you mean 'shows'?"),
        ("books", "there are 'films' and 'shows'"),
    ],
)
def test_the_one_kind_is_one_of_two(tmp_path: Path, written: str, nearest: str) -> None:
    with pytest.raises(ConfigError) as caught:
        of_file(tmp_path, f'only = "{written}"')
    assert nearest in caught.value.message
    with pytest.raises(ConfigError) as caught:
        of_environment(only=written)
    assert nearest in caught.value.message
    assert f"{_ENV}ONLY" in caught.value.message
    result = CliRunner().invoke(app, ["sync", "--only", written])
    assert result.exit_code == 2
    for only in Only:
        assert only.value in result.stderr
        assert of_file(tmp_path, f'only = "{only}"').only is only


@pytest.mark.parametrize(
    ("written", "titles"),
    [
        ("Heat", ("Heat",)),
        ("Heat, tmdb:603 ,tt0903747", ("Heat", "tmdb:603", "tt0903747")),
        (
            'Heat, "The Good, the Bad and the Ugly"',
            ("Heat", "The Good, the Bad and the Ugly"),
        ),
        ("Heat\nAlien", ("Heat", "Alien")),
        ('["Lock, Stock", "Heat"]', ("Lock, Stock", "Heat")),
        ("", ()),
        ("[]", ()),
    ],
)
def test_the_environment_holds_a_list_of_titles(
    written: str, titles: tuple[str, ...]
) -> None:
    assert of_environment(skip=written).skip == titles


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        (["tmbd:603"], "did you mean tmdb:603?"),
        (["Heat", "https://trakt.tv/shows/dark/seasons/1"], "did you mean https"),
        (["https://example.org/heat"], "trakt.tv, themoviedb.org or imdb.com"),
        (["  "], "is empty"),
        ([3], "valid string"),
        ({"a": 1}, "skip"),
    ],
)
def test_a_title_that_cannot_be_meant_is_refused(written: Any, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        Settings.model_validate({"history": {"skip": written}})
    assert "[history] skip" in caught.value.message
    assert hint in caught.value.message


def test_an_array_that_is_none_is_named_by_its_variable() -> None:
    with pytest.raises(ConfigError) as caught:
        of_environment(skip='["Heat"')
    assert f"{_ENV}SKIP" in caught.value.message
