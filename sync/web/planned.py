"""A plan as the page shows it: a row for each title, found by its name."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from sync.domain.addresses import search_for
from sync.domain.desired import NO_ANSWER, NO_KEY, NOT_POSSIBLE, media_id, tmdb_id
from sync.domain.filters import BY_LIST, BY_NAME
from sync.domain.plan import Fate
from sync.domain.plays import Kind, title_key
from sync.domain.skips import TitleShelf, read_skip
from sync.pipeline.checkpoint import histories_of
from sync.pipeline.summary import count_writes, say_writes, summarize_titles
from sync.report.account import lay_out
from sync.report.squares import SQUARES, lines_of
from sync.report.watched import build_films, build_shows, name_of, share_reasons
from sync.runtime.words import count, duration, seasons

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sync.domain.desired import LeftOut
    from sync.domain.overrides import Override
    from sync.domain.plays import Title
    from sync.pipeline.result import Report
    from sync.pipeline.summary import TitleSummary
    from sync.report.account import BalanceView
    from sync.report.watched import Film, Show

#: So many titles are on one page of the table.
A_PAGE = 100
#: Reasons that are said shorter here, where the button stands beside them.
_REASONS = {NO_ANSWER: "TMDB did not answer yet", NO_KEY: "its id is not known"}
_TO_WRITE = SQUARES[Fate.WRITTEN].name


class Row(NamedTuple):
    """One title: what was watched of it, and what is written for it."""

    key: str
    name: str
    year: int | None
    is_show: bool
    watched: str
    plays: int
    result: str
    is_written: bool
    sought: str


class Open(NamedTuple):
    """A title without an id, and where one can be looked for."""

    key: str
    name: str
    year: int | None
    plays: int
    reason: str
    search: str


class Aside(NamedTuple):
    """A title that is left out on request; ``skip`` is what takes it in again."""

    key: str
    name: str
    year: int | None
    plays: int
    reason: str
    skip: str


class Given(NamedTuple):
    """A title that goes by an id of the person's, or is marked to be left out."""

    key: str
    title: Title
    said: str
    name: str
    is_skip: bool


class Astray(NamedTuple):
    """A skip that names nothing in the history; ``label`` is what it named before."""

    text: str
    label: str
    nearest: str


class Part(NamedTuple):
    """The titles on one page of those that were found."""

    rows: Sequence[Row]
    found: int
    number: int
    pages: int


class Saving(NamedTuple):
    """What a key of TMDB would save, about."""

    writes: int
    instead: str
    now: str


@dataclass(frozen=True, slots=True)
class Planned:
    """All that the page says of a plan; made once, as there may be much of it."""

    report: Report
    headline: str
    minutes: str
    without_defaults: int
    balance: BalanceView
    rows: tuple[Row, ...]
    unmatched: tuple[Open, ...]
    impossible: tuple[Open, ...]
    left_out: tuple[Aside, ...]
    left_out_plays: int
    points: int
    removals: int
    kept: int
    saving: Saving | None
    titles: Mapping[str, Title]
    given: tuple[Given, ...] = ()
    strays: tuple[Astray, ...] = ()

    @classmethod
    def of(cls, report: Report, given: Iterable[Override] = ()) -> Planned:
        """Compute it. It changes nothing, and takes a while for a long history.

        ``given`` are the ids that the person gave.
        """
        prepared, outlook = report.prepared, report.outlook
        desired, plan = prepared.compared.desired, prepared.plan
        total, balances = report.balance()
        known = set(desired.titles.values())
        found = summarize_titles(prepared, balances)
        rows = tuple(_row(one) for one in found if one.title in known)
        beside = (*desired.unmatched, *desired.unsupported, *desired.skipped)
        titles = {one.title for one in beside} | set(balances)
        view = lay_out(lines_of(total.fates), total.read, total.repeats)
        points = report.playback.plan.chosen if report.playback else ()
        return cls(
            report=report,
            headline=_headline(report),
            minutes=duration(outlook.seconds) if outlook else "",
            without_defaults=plan.saved,
            balance=_as_planned(view),
            rows=rows,
            unmatched=tuple(map(_open, desired.unmatched)),
            impossible=tuple(map(_open, prepared.unsupported)),
            left_out=tuple(_asides(report)),
            left_out_plays=total.fates[Fate.LEFT_OUT],
            points=len(points),
            removals=len(prepared.removals.rows),
            kept=total.fates[Fate.KEPT],
            saving=_saving(report),
            titles={title_key(title): title for title in titles},
            given=tuple(map(_given, given)),
            strays=tuple(_strays(report)),
        )

    def find(self, words: str, what: str, number: int) -> Part:
        """Return a page of the titles whose name has these words."""
        sought = fold(words)
        found = [
            row
            for row in self.rows
            if sought in row.sought and (not what or row.is_written is (what == "new"))
        ]
        pages = max(1, -(-len(found) // A_PAGE))
        number = min(max(1, number), pages)
        first = (number - 1) * A_PAGE
        return Part(found[first : first + A_PAGE], len(found), number, pages)

    def shared(self, title: Title, said: str) -> Title | None:
        """Return another title of the history that goes by this id already."""
        desired = self.report.prepared.whole.desired
        if said.isdecimal():
            media = media_id(title.kind, int(said))
            first = desired.titles.get(media)
            found = desired.sharing.get(media) or ((first,) if first else ())
        else:
            kind = title.kind
            all_ = (one for one in desired.titles.values() if one.kind is kind)
            found = tuple(one for one in all_ if one.ids.imdb == said)
        keys = {title_key(one) for one in found}
        return found[0] if found and title_key(title) not in keys else None

    def beside(self, warnings: Iterable[str]) -> list[str]:
        """Return the warnings but those of skips, which the page says with a button."""
        told = [
            f'skip has "{" ".join(one.text.split())}", which' for one in self.strays
        ]
        return [w for w in warnings if not any(words in w for words in told)]

    def plays_of(self, key: str) -> int:
        """Return how many plays of a title were read."""
        rows: Iterable[Row | Open | Aside] = (
            *self.rows,
            *self.unmatched,
            *self.impossible,
            *self.left_out,
        )
        return next((row.plays for row in rows if row.key == key), 0)

    def show(self, key: str) -> Show | Film | None:
        """Return the map of one title, as the report draws it."""
        histories = histories_of(self.report, {key}).values()
        shows, _ = share_reasons(build_shows(histories, {}))
        films = (film for year in build_films(histories, {}) for film in year.films)
        return next(iter(shows), None) or next(films, None)


def fold(words: str) -> str:
    """Return words as they are compared: case and accents count not."""
    plain = unicodedata.normalize("NFKD", words).casefold()
    letters = unicodedata.normalize("NFKD", plain)
    return " ".join("".join(c for c in letters if not unicodedata.combining(c)).split())


def skip_of(title: Title) -> str:
    """Return what leaves this title out; nothing where no words do."""
    ids = (
        (name, getattr(title.ids, name)) for name in ("tmdb", "imdb", "trakt", "tvdb")
    )
    ways = [f"{title.kind}:{name}:{value}" for name, value in ids if value is not None]
    return next((way for way in (*ways, title.label) if _means(way, title)), "")


def _means(skip: str, title: Title) -> bool:
    """Whether these words are read as that title: a name may look like an id."""
    try:
        return TitleShelf([title]).find(read_skip(skip)) == [title]
    except ValueError:
        return False


def _headline(report: Report) -> str:
    writes = count_writes(report.prepared.plan.operations)
    return say_writes(writes) or "nothing"


def _as_planned(view: BalanceView) -> BalanceView:
    """Name what is written as what it is yet: to be written."""
    planned = "to be written"
    rows = tuple(
        row._replace(name=planned) if row.name == _TO_WRITE else row
        for row in view.rows
    )
    parts = ", ".join(f"{row.plays:,} {row.name}" for row in rows) or "nothing"
    sentence = f"{count(view.read, 'play')}: {parts}."
    return type(view)(view.read, view.repeats, rows, sentence)


def _row(found: TitleSummary) -> Row:
    title, written = found.title, bool(found.writes.total)
    is_show = title.kind is Kind.SHOW
    watched = seasons(note.number for note in found.seasons) if is_show else "film"
    result = say_writes(found.writes) if written else found.reason or "nothing"
    name = name_of(title.name)
    return Row(
        title_key(title),
        name,
        title.year,
        is_show,
        watched,
        found.balance.read,
        result,
        written,
        fold(f"{name} {title.year or ''}"),
    )


def _open(left: LeftOut) -> Open:
    title = left.title
    is_lost = left.reason not in NOT_POSSIBLE and title.name.strip()
    return Open(
        title_key(title),
        name_of(title.name),
        title.year,
        left.plays,
        _REASONS.get(left.reason, left.reason),
        search_for(title.kind, title.name) if is_lost else "",
    )


def _strays(report: Report) -> Iterator[Astray]:
    """Find the skips without a title, and what they named when it was there."""
    prepared = report.prepared
    if not prepared.filter.skip:
        return
    desired = prepared.whole.desired
    beside = (*desired.unmatched, *desired.unsupported, *desired.skipped)
    shared = (title for titles in desired.sharing.values() for title in titles)
    titles = [*desired.titles.values(), *shared, *(left.title for left in beside)]
    media = ((title, desired.media.get(title_key(title))) for title in titles)
    ids = {title: tmdb_id(found) if found else None for title, found in media}
    before = TitleShelf(history.title for history in prepared.known.values())
    strays = prepared.filter.over(titles, ids).strays
    nearest = {stray.skip.said: stray.nearest for stray in strays}
    for text in dict.fromkeys(prepared.filter.skip):
        skip = read_skip(text)
        if skip.said in nearest:
            near, known = nearest[skip.said], before.find(skip)
            label = known[0].label if known else ""
            yield Astray(text, label, near.label if near else "")


def _given(one: Override) -> Given:
    key = title_key(one.title)
    return Given(key, one.title, one.said, one.name, one.is_skip)


def _asides(report: Report) -> Iterator[Aside]:
    """Name what is left out title by title; what a date or a kind leaves out is not."""
    skipped = report.prepared.compared.desired.skipped
    named = [left for left in skipped if left.reason in (BY_NAME, BY_LIST)]
    texts = _skips(report.prepared.filter.skip, [left.title for left in named])
    for left in named:
        key, title = title_key(left.title), left.title
        skip = texts.get(key, "") if left.reason == BY_NAME else ""
        yield Aside(key, name_of(title.name), title.year, left.plays, left.reason, skip)


def _skips(skips: Iterable[str], titles: Sequence[Title]) -> dict[str, str]:
    """Return by title what the person wrote to have it left out."""
    shelf = TitleShelf(titles)
    return {
        title_key(title): skip
        for skip in skips
        for title in shelf.find(read_skip(skip))
    }


def _saving(report: Report) -> Saving | None:
    outlook = report.outlook
    if outlook is None or not outlook.could_save:
        return None
    rest = (outlook.requests - outlook.could_save) / outlook.per_second
    about = round(outlook.could_save, min(0, 2 - len(str(outlook.could_save))))
    return Saving(about, duration(rest), duration(outlook.seconds))
