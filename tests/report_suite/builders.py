"""Reports to make pages of: valid by default; override what a test is about."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sync.documents.left_out import (
    LeftOutDocument,
    QuarantinedDocument,
    TitleDocument,
)
from sync.documents.move import BalanceDocument
from sync.documents.report import (
    CostDocument,
    FailedDocument,
    KeyDocument,
    OperationDocument,
    PlaybackDocument,
    ReceiptDocument,
    ReportDocument,
    ResumePointDocument,
    SpendingDocument,
    VerificationDocument,
)
from sync.domain.desired import NO_ID, SPECIAL
from sync.domain.histories import SeasonFacts, TitleHistory
from sync.domain.plan import Fate
from sync.domain.plays import UNKNOWN_DATE, Ids, Key, Kind, Play, Title
from sync.ledger.records import Run
from sync.report.data import ReportData

if TYPE_CHECKING:
    from collections.abc import Mapping

WHEN = datetime(2026, 11, 20, 21, 5, tzinfo=UTC)
FIRST = datetime(2019, 1, 5, 20, 0, tzinfo=UTC)
#: What can become of a play that has a title.
SHOWN = tuple(c for c in Fate if c is not Fate.UNREADABLE)
#: Titles that try to be something else.
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</title></style></script><script>alert(1)</script>",
    "{{ 7 * 7 }} {% raw %} {# note #}",
    'it\'s "quoted" & <b>bold</b> &lt;not&gt; &#x27;',
    "\u202eevil reversed\u202c and \u2066isolated\u2069\u2069",
    "שטיסל",
    "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL} family",
    "x" * 500,
    "https://evil.test/login?next=//evil.test and www.evil.test",
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324a\u0333lgo",
    " ",
)


def show(
    name: str = "Dark",
    *seasons: Mapping[int, Fate | None],
    media: str | None = "TV_1",
    number: int = 1,
    plays: int = 1,
    reason: str = "the reason",
    is_known: bool = True,
) -> TitleHistory:
    """Return a show: what became of each episode, season by season from the first.

    None: nobody watched it, and the catalogue knows it.
    """
    title = Title(Kind.SHOW, name, 2017, Ids(trakt=number))
    watched = [
        Play(title, FIRST + timedelta(days=7 * episode + again), season, episode)
        for season, fates in enumerate(seasons, start=1)
        for episode, fate in fates.items()
        if fate
        for again in range(plays)
    ]
    fates = {
        Key(media, season, episode): fate
        for season, of_season in enumerate(seasons, start=1)
        for episode, fate in of_season.items()
        if fate and media
    }
    known = tuple(
        SeasonFacts(season, reason, 0, frozenset(of if is_known else ()))
        for season, of in enumerate(seasons, start=1)
    )
    return TitleHistory(title, media, tuple(watched), fates, known)


def film(
    name: str = "Alien",
    fate: Fate | None = Fate.WRITTEN,
    *times: datetime,
    number: int = 1,
) -> TitleHistory:
    """Return a film; without a fate it is unmatched."""
    title = Title(Kind.FILM, name, 1979, Ids(trakt=number))
    plays = tuple(Play(title, at) for at in times or (FIRST,))
    media = f"MV_{number}" if fate else None
    return TitleHistory(
        title, media, plays, {Key(media): fate} if media and fate else {}
    )


def left_out(name: str, reason: str = NO_ID, **ids: int | str) -> LeftOutDocument:
    title = TitleDocument(kind="show", title=name, year=2017, ids=ids)
    return LeftOutDocument(title=title, plays=2, reason=reason)


def report(**fields: Any) -> ReportDocument:
    """Return a clean run of 10 plays."""
    defaults: dict[str, Any] = {
        "command": "migrate",
        "exit_code": 0,
        "profile": "prf_1",
        "run": 3,
        "receipt": ReceiptDocument(
            source="Trakt",
            is_whole=True,
            plays=10,
            repeats=0,
            pages=1,
            requests=8,
            walks=1,
            announced=10,
            missing=(),
            doubts=(),
            notes=(),
        ),
        "balance": BalanceDocument(read=10, written=4, covered=6),
        "writes": 5,
        "saved": 5,
        "verification": VerificationDocument(
            is_clean=True, entries=5, missing=(), doubled=(), unexpected=()
        ),
        "source_state": {},
        "target_state": {},
    }
    empty = "titles unmatched unsupported quarantined failed files operations"
    return ReportDocument(**dict.fromkeys(empty.split(), ()) | defaults | fields)


def failure(media: str, detail: str, *covers: int) -> FailedDocument:
    """Return a write that did not arrive: of a default if it covers anything."""
    operation = OperationDocument(
        id="0" * 32,
        action="add",
        key=KeyDocument(media=media, season=1, episode=None if covers else 1),
        watched_at=FIRST,
        progress=100,
        covers=tuple({"episode": n, "watched_at": FIRST} for n in covers),
        reason="not there yet",
    )
    return FailedDocument(operation=operation, outcome="rejected", detail=detail)


def point(name: str, **fields: Any) -> ResumePointDocument:
    defaults: dict[str, Any] = {
        "title": TitleDocument(kind="show", title=name, year=2017, ids={}),
        "season": 2,
        "episode": 4,
        "progress": 43.5,
        "paused_at": FIRST,
    }
    return ResumePointDocument(**defaults | fields)


def run(number: int = 3, **fields: Any) -> Run:
    defaults: dict[str, Any] = {
        "id": number,
        "profile": "prf_1",
        "command": "migrate",
        "started_at": WHEN - timedelta(seconds=74),
        "finished_at": WHEN,
        "outcome": "loaded",
        "summary": {"plays": 10, "operations": 5, "failed": 0},
    }
    return Run(**defaults | fields)


def data(*histories: TitleHistory, **fields: Any) -> ReportData:
    defaults: dict[str, Any] = {"report": report(), "at": WHEN, "profile": "Me"}
    return ReportData(histories=histories, **defaults | fields)


def eventful() -> ReportData:
    """Return a report in which everything has happened, to titles of every kind."""
    states: dict[int, Fate | None] = dict(enumerate(SHOWN, start=1))
    states[len(SHOWN) + 1] = None
    shows = [
        show(
            name,
            states,
            dict.fromkeys(range(1, 25), Fate.COVERED),
            number=i,
            media=f"TV_{i}",
        )
        for i, name in enumerate((*HOSTILE, "Pokémon", "The Wire"), start=1)
    ]
    films = [film(name, number=i) for i, name in enumerate(HOSTILE, start=1)]
    nasty = HOSTILE[0]
    return data(
        *shows,
        *films,
        film("Nobody knows it", None, UNKNOWN_DATE, number=99),
        show("Unknown show", {1: Fate.UNMATCHED}, media=None, number=98),
        report=report(
            balance=BalanceDocument(
                read=100_000,
                written=9_000,
                already_there=40,
                covered=80_000,
                kept=7_000,
                unsupported=3_000,
                unmatched=800,
                unreadable=100,
                failed=60,
                repeats=12,
            ),
            receipt=report().receipt.model_copy(
                update={"notes": (nasty,), "doubts": (HOSTILE[8],), "is_whole": False}
            ),
            unmatched=tuple(left_out(name, trakt=7, slug=name) for name in HOSTILE),
            unsupported=(left_out("Doctor Who", SPECIAL, tmdb=57243),),
            quarantined=(QuarantinedDocument(where=nasty, reason=nasty),),
            failed=(failure("TV_1", nasty),),
            verification=VerificationDocument(
                is_clean=False,
                entries=3,
                missing=(KeyDocument(media="TV_1", season=1, episode=7),),
                doubled=(KeyDocument(media="MV_1"),),
                unexpected=(KeyDocument(media="TV_404", season=1),),
            ),
            cost=CostDocument(
                took_s=734.2,
                services=(
                    SpendingDocument(
                        service="Trakt",
                        requests=412,
                        retries=3,
                        limited=1,
                        waits_s=61.5,
                    ),
                ),
            ),
            playback=PlaybackDocument(
                written=(point(nasty),),
                planned=(),
                failed=(point("Dark", reason="refused"),),
                left=(point("Anora", episode=None, reason="finished later"),),
                quarantined=(),
                seen=1,
                error="Discovr gave no answer.",
            ),
        ),
        runs=[run(), run(2, finished_at=None, outcome=None, summary={})],
        profile=nasty,
        is_rehearsal=True,
    )
