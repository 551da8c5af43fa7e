"""The law of resume points: the newest that history does not contradict."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from sync.domain.desired import transform
from sync.domain.entries import Entry
from sync.domain.plays import Key, Play, Title, to_minute
from sync.domain.resume import Carried, History, ResumePoint, choose
from tests.factories import at, film, show

TITLES = (film(1), film(2), show(1), show(2, tmdb=None))
MEDIA = {TITLES[0]: "MV_501", TITLES[1]: "MV_502", TITLES[2]: "TV_501"}

moments = st.builds(
    lambda minute, seconds: at(minutes=minute) + timedelta(seconds=seconds),
    st.integers(0, 12),
    st.sampled_from([0, 0.25, 59]),
)
numbers = st.integers(0, 3)


@st.composite
def points(draw: st.DrawFn) -> ResumePoint:
    title = draw(st.sampled_from(TITLES))
    progress = draw(st.sampled_from([0.0, 12.5, 79.99, 80.0, 100.0]))
    place = (draw(numbers), draw(numbers)) if title.kind == "show" else (None, None)
    return ResumePoint(title, progress, draw(moments), *place)


@st.composite
def plays(draw: st.DrawFn) -> Play:
    title = draw(st.sampled_from(TITLES))
    when = to_minute(draw(moments))
    place = (draw(numbers), draw(numbers)) if title.kind == "show" else (None, None)
    return Play(title, when, *place)


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    media = draw(st.sampled_from(sorted(MEDIA.values())))
    key = Key(media)
    if media.startswith("TV"):
        key = Key(media, draw(st.integers(1, 3)), draw(st.none() | st.integers(1, 3)))
    progress = draw(st.sampled_from([0.0, 40.0, 80.0, 100.0]))
    return Entry(key, draw(st.none() | moments), progress)


carried = st.dictionaries(
    st.sampled_from(sorted(MEDIA.values())), st.builds(Carried, moments, st.booleans())
)


class Case(NamedTuple):
    """Everything that has a say, as it was generated."""

    plays: list[Play]
    entries: list[Entry]
    carried: dict[str, Carried]

    def choose(self, pauses: list[ResumePoint]) -> dict[str, ResumePoint]:
        history = History.of(transform(self.plays, {}).watched, self.entries)
        chosen, left = choose(pauses, {}, history, self.carried)
        assert len(chosen) + len(left) == len(set(pauses))
        in_time = [resume.point.paused_at for resume in chosen]
        assert in_time == sorted(in_time)
        return {resume.key.media: resume.point for resume in chosen}

    def is_contradicted(self, point: ResumePoint) -> bool:
        """Say so in the words of the issue, the slow way."""
        minute = to_minute(point.paused_at)
        media = MEDIA[point.title]
        if any(
            play.title == point.title
            and (play.season, play.episode) == (point.season, point.episode)
            and play.watched_at >= minute
            for play in self.plays
        ):
            return True
        own = [e for e in self.entries if e.key == (media, point.season, point.episode)]
        defaults = [e for e in self.entries if e.key == (media, point.season, None)]
        finished = [e for e in own or defaults if e.progress >= 80]
        begun = [
            e for e in self.entries if e.key.media == media and 0 < e.progress < 80
        ]
        return any(_is_later(e.updated_at, minute) for e in finished + begun)


def _is_later(moment: datetime | None, minute: datetime) -> bool:
    return moment is None or to_minute(moment) >= minute


cases = st.builds(
    Case, st.lists(plays(), max_size=6), st.lists(entries(), max_size=6), carried
)


def expected(case: Case, pauses: list[ResumePoint], title: Title) -> set[ResumePoint]:
    """Return what may be chosen for a title: one, or equals of the same instant."""
    fitting = [
        p
        for p in pauses
        if p.title == title
        and title in MEDIA
        and 0 not in (p.season, p.episode)
        and p.progress < 80
        and not case.is_contradicted(p)
    ]
    newest = max((p.paused_at for p in fitting), default=None)
    before = case.carried.get(MEDIA.get(title, ""))
    if before and newest:
        is_there = before.is_settled and before.paused_at == newest
        if is_there or before.paused_at > newest:
            return set()
    return {p for p in fitting if p.paused_at == newest}


@given(st.lists(points(), max_size=8), cases)
def test_the_newest_that_history_does_not_contradict_is_chosen(
    pauses: list[ResumePoint], case: Case
) -> None:
    chosen = case.choose(pauses)
    for title in TITLES:
        wanted = expected(case, pauses, title)
        found = chosen.get(MEDIA.get(title, ""))
        assert found in wanted if wanted else found is None


@given(st.lists(points(), max_size=8), cases, st.randoms(use_true_random=False))
def test_order_and_repeats_make_no_difference(
    pauses: list[ResumePoint], case: Case, random: object
) -> None:
    shuffled = pauses + pauses[:3]
    random.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' own class
    assert case.choose(shuffled) == case.choose(pauses)


@given(st.lists(points(), max_size=8), cases)
def test_what_was_carried_over_is_not_chosen_again(
    pauses: list[ResumePoint], case: Case
) -> None:
    written = {
        media: Carried(point.paused_at, is_settled=True)
        for media, point in case.choose(pauses).items()
    }
    later = case._replace(carried=case.carried | written)
    assert later.choose(pauses) == {}
