"""Puts the page together: data into the template, and the policy that guards it.

Everything foreign is escaped by Jinja2. The policy in the page forbids whatever else
could get in: it names the one style and the one script by their digests.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from sync.documents.words import ALL_UTC
from sync.domain.plan import Fate
from sync.report.account import (
    build_balance,
    build_head,
    build_left,
    build_points,
    build_runs,
    duration,
)
from sync.report.months import MONTHS, build_months
from sync.report.squares import SQUARES, UNSENT, unwatched
from sync.report.watched import (
    build_films,
    build_shows,
    failure_details,
    name_of,
    share_reasons,
)
from sync.runtime.words import count

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sync.documents.report import ReportDocument
    from sync.report.account import BalanceView, Head, LeftGroup, PointRow, RunRow
    from sync.report.data import ReportData
    from sync.report.months import Months
    from sync.report.squares import Square
    from sync.report.watched import FilmYear, SharedReason, Show


_CONTROLS = dict.fromkeys(
    {*range(0x20), *range(0x7F, 0xA0)} - {*b"\t\n"}, "\N{REPLACEMENT CHARACTER}"
)
_AGAIN = "Run trakt2discovr migrate once more, and every title will be."


@dataclass(frozen=True, slots=True)
class Page:
    """All that the template shows, computed; it decides nothing."""

    head: Head
    is_rehearsal: bool
    #: Where it leads back to, if it is served.
    back: str
    #: Of the whole move, whichever run has written what.
    balance: BalanceView
    #: The same of the last run alone, where that is not all of the move.
    last: BalanceView | None
    months: Months
    #: The states that occur, each with its square.
    states: Sequence[Square]
    reasons: Sequence[SharedReason]
    shows: Sequence[Show]
    years: Sequence[FilmYear]
    left: Sequence[LeftGroup]
    points: Sequence[PointRow]
    report: ReportDocument
    runs: Sequence[RunRow]


def build_page(data: ReportData) -> Page:
    """Compute the page. Pure: the same data gives the same page."""
    report, histories = data.report, data.histories
    details = failure_details(report.failed)
    labels = {h.media: name_of(h.title.name) for h in histories if h.media}
    labels |= report.names
    shows, reasons = share_reasons(build_shows(histories, details))
    years = build_films(histories, details)
    move = data.move.balance
    return Page(
        head=build_head(data),
        is_rehearsal=data.is_rehearsal,
        back=data.back,
        balance=build_balance(move, report.failed),
        last=None
        if report.balance == move
        else build_balance(report.balance, report.failed),
        months=build_months(play.watched_at for h in histories for play in h.plays),
        states=tuple(_legend(report.source.name, shows, years)),
        reasons=reasons,
        shows=shows,
        years=years,
        left=build_left(report, labels, data.say),
        points=build_points(report.playback),
        report=report,
        runs=build_runs(data.runs),
    )


def _legend(
    source: str, shows: Iterable[Show], years: Iterable[FilmYear]
) -> Iterable[Square]:
    there = {code for show in shows for code in show.codes}
    there |= {film.code for year in years for film in year.films}
    states = (*(SQUARES[fate] for fate in Fate), UNSENT, unwatched(source))
    yield from (state for state in states if state.code in there)


def render_html(data: ReportData) -> str:
    """Return the whole page, as text that can be written to a file."""
    style, script = asset("style.css"), asset("script.js")
    styles, scripts = digests()
    policy = (
        f"default-src 'none'; style-src {styles[0]}; "
        f"script-src {scripts[0]}; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )
    template = make_environment().get_template("report.html")
    html = template.render(
        page=build_page(data),
        months=MONTHS,
        again=data.say(_AGAIN),
        policy=policy,
        style=style,
        script=script,
    )
    # Titles come from anywhere: with half of a surrogate pair, which cannot be written,
    # and with what HTML forbids and a terminal heeds.
    return html.encode(errors="replace").decode().translate(_CONTROLS)


@cache
def digests() -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a policy has to allow for the styles and the scripts in the page."""
    styles, scripts = asset("style.css"), asset("script.js")
    return (f"'{_digest(styles)}'",), (f"'{_digest(scripts)}'",)


@cache
def make_environment(package: str = "sync.report") -> Environment:
    """Return what fills in the templates of a package, which may use the report's."""
    names = dict.fromkeys([package, "sync.report"])
    environment = Environment(
        loader=ChoiceLoader([PackageLoader(name) for name in names]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["all_utc"] = ALL_UTC
    environment.filters["number"] = "{:,}".format
    environment.filters["plural"] = count
    environment.filters["duration"] = duration
    return environment


def asset(name: str) -> Markup:
    """Return the style or the script of the page."""
    # Our own files, in the package: nothing foreign is ever in them.
    text = (files("sync.report") / "templates" / name).read_text("utf-8")
    return Markup(text)  # noqa: S704  # see above


def _digest(text: str) -> str:
    return f"sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
