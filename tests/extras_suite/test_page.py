"""Pages over HTTP: made once, with filters that say why they are what they are."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING, Any

import pytest

from connectors.discovr.extras import PagesClient
from connectors.errors import (
    AuthError,
    ConfigError,
    ContractError,
    NotFoundError,
    RejectedError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)
from sync.domain.plays import Kind
from sync.extras.page import BY_HAND, PageResult, Wish, make_pages
from sync.sandbox.account.sample import sample_account
from sync.sandbox.discovr.quirks import DiscovrQuirks
from sync.sandbox.server.faults import Fault
from tests.clocks import FakeClock
from tests.extras_suite.benches import NOON, spoil
from tests.worlds import World, world

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

FILMS = Wish(Kind.FILM, "Films for you")
SHOWS = Wish(Kind.SHOW, "Shows for you")
GIVEN = Wish(Kind.FILM, "By hand", {"genres": (18,), "longest": 100}, derives=False)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[World]:
    async with world(
        sample_account(), tmp_path, discovr=DiscovrQuirks(rejects_extra_fields=True)
    ) as opened:
        yield opened


async def make(place: World, *wishes: Wish, **options: Any) -> list[PageResult]:
    return await make_pages(place.settings, wishes, clock=FakeClock(NOON), **options)


def posts(place: World) -> list[Any]:
    return [seen.body for seen in place.discovr.requests("POST", "/pages")]


async def test_films_and_shows_get_a_page_each_out_of_what_was_watched(
    place: World,
) -> None:
    films, shows = await make(place, FILMS, SHOWS)
    assert [body["name"] for body in posts(place)] == [FILMS.name, SHOWS.name]
    sent = [body["pageFilters"] for body in posts(place)]
    assert [filters["media_type"] for filters in sent] == ["movie", "tv"]
    for filters, page in zip(sent, (films, shows), strict=True):
        assert filters["genres"] == list(page.choice.filters.genres)
        assert filters["with_runtime_gte"] < filters["with_runtime_lte"]
        assert filters["with_release_date_gte"] < filters["with_release_date_lte"]
        assert page.is_new
        assert set(page.choice.reasons) == {"genres", "length", "released"}
    assert not any("profileId" in json.dumps(body) for body in posts(place))


async def test_genres_are_asked_for_by_title_and_not_by_play(place: World) -> None:
    await make(place, FILMS, SHOWS)
    asked = [(seen.path, seen.query["extended"]) for seen in place.trakt.seen]
    assert asked == [("/sync/watched/movies", "full"), ("/sync/watched/shows", "full")]


async def test_made_again_it_creates_nothing(place: World) -> None:
    first = await make(place, FILMS)
    again = await make(place, FILMS)
    assert (again[0].id, again[0].is_new) == (first[0].id, False)
    assert len(posts(place)) == 1


async def test_a_new_session_gives_a_new_page_where_one_is_asked_for(
    place: World,
) -> None:
    first = await make(place, GIVEN)
    renewed = await make(place, GIVEN, is_again=True)
    assert renewed[0].id != first[0].id
    assert (await make(place, GIVEN))[0].id == renewed[0].id
    assert len(posts(place)) == 2


async def test_a_dry_run_asks_trakt_alone_and_leaves_no_trace(
    place: World, tmp_path: Path
) -> None:
    pages = await make(place, FILMS, is_dry=True)
    assert pages[0].choice.filters.genres
    assert place.discovr.seen == []
    assert not (tmp_path / "state.sqlite3").exists()


async def test_filters_by_hand_alone_need_no_trakt(place: World) -> None:
    await make(place, GIVEN)
    assert place.trakt.seen == []
    assert posts(place)[0]["pageFilters"] == {
        "media_type": "movie",
        "genres": [18],
        "with_runtime_lte": 100,
    }


async def test_what_is_given_by_hand_replaces_that_part_whole(place: World) -> None:
    given = {
        "shortest": 200,
        "first_day": date(1970, 1, 1),
        "keywords": (9715,),
        "regions": ("DE",),
        "providers": ("Kino",),
    }
    pages = await make(place, Wish(Kind.FILM, "Long", given), is_dry=True)
    filters, reasons = pages[0].choice.filters, pages[0].choice.reasons
    assert (filters.shortest, filters.longest) == (200, None)
    assert (filters.first_day, filters.last_day) == (date(1970, 1, 1), None)
    assert filters.genres
    by_hand = {topic for topic, reason in reasons.items() if reason == BY_HAND}
    assert by_hand == {"length", "released", "keywords", "regions", "providers"}


async def test_a_refused_page_is_not_made(place: World) -> None:
    async def refuse(wanted: Sequence[PageResult]) -> bool:
        assert [page.name for page in wanted] == [GIVEN.name]
        return False

    pages = await make(place, GIVEN, confirm=refuse)
    assert (pages[0].id, posts(place)) == (None, [])


@pytest.mark.parametrize(
    "fault",
    [
        Fault.answer(401),
        Fault.answer(429, retry_after=2),
        Fault.answer(500),
        Fault.answer(500, takes_effect=True),
        Fault.answer(503, retry_after=1),
        Fault.cut_before(),
        Fault.cut_after(),
        Fault.garbled(),
        Fault.html(),
    ],
    ids=lambda fault: f"{fault.kind.name} {fault.status} {fault.takes_effect}",
)
async def test_an_unclear_answer_makes_one_page(place: World, fault: Fault) -> None:
    spoil(place.discovr, fault, "POST", "/pages")
    pages = await make(place, GIVEN)
    assert len(place.discovr._pages._table.rows) == 1
    place.discovr.faults = None
    assert (await make(place, GIVEN))[0].id == pages[0].id
    assert pages[0].is_new


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, RejectedError),
        (401, AuthError),
        (403, ConfigError),
        (404, NotFoundError),
        (409, RejectedError),
        (422, RejectedError),
        (429, TransientError),
    ],
)
async def test_a_lasting_refusal_is_an_error_and_leaves_nothing_behind(
    place: World, status: int, kind: type[Exception]
) -> None:
    spoil(place.discovr, Fault.answer(status), "POST", "/pages", times=None)
    with pytest.raises(kind):
        await make(place, GIVEN)
    place.discovr.faults = None
    assert (await make(place, GIVEN))[0].is_new


async def test_a_refresh_token_that_ran_out_is_a_lost_login(tmp_path: Path) -> None:
    quirks = DiscovrQuirks(refresh_token_has_expired=True)
    async with world(sample_account(), tmp_path, discovr=quirks) as place:
        with pytest.raises(AuthError, match="Log in"):
            await make(place, GIVEN)


async def test_one_page_is_made_though_the_next_is_refused(place: World) -> None:
    left = [None, Fault.answer(422)]
    place.discovr.faults = lambda request, _number: (
        left.pop(0) if request.path == "/pages" else None
    )
    other = Wish(Kind.SHOW, "Other", {"genres": (35,)}, derives=False)
    with pytest.raises(RejectedError):
        await make(place, GIVEN, other)
    place.discovr.faults = None
    first, second = await make(place, GIVEN, other)
    assert (first.is_new, second.is_new) == (False, True)


class KilledError(BaseException):
    """Nothing of the program survives it."""


@contextmanager
def killed_at(moment: str, number: int = 0) -> Iterator[None]:
    """Kill the program as it makes the page of that number."""
    create, left = PagesClient.create, [number]

    async def make_or_die(client: PagesClient, filters: Any, name: str) -> Any:
        left[0] -= 1
        if left[0] == -1 and moment == "before it is sent":
            raise KilledError
        page = await create(client, filters, name)
        if left[0] == -1:
            raise KilledError
        return page

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PagesClient, "create", make_or_die)
        yield


MOMENTS = ["before it is sent", "before it is noted"]


def made(place: World) -> list[str]:
    return [page.name or "" for page in place.discovr._pages._table.rows.values()]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_page_that_may_have_been_made_is_not_made_again(
    place: World, moment: str
) -> None:
    """Nothing lists pages, and every run has a session of its own."""
    with killed_at(moment), pytest.raises(KilledError):
        await make(place, GIVEN)
    there = made(place)
    for _ in range(2):
        with pytest.raises(UnknownOutcomeError, match="By hand") as caught:
            await make(place, GIVEN)
        assert "--again" in caught.value.remedy
    assert made(place) == there
    again = await make(place, GIVEN, is_again=True)
    assert (await make(place, GIVEN))[0].id == again[0].id
    assert made(place) == [*there, GIVEN.name]


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("number", [0, 1])
async def test_a_page_in_doubt_holds_up_no_other(
    place: World, moment: str, number: int
) -> None:
    other = Wish(Kind.SHOW, "Other", {"genres": (35,)}, derives=False)
    wishes = [GIVEN, other]
    with killed_at(moment, number), pytest.raises(KilledError):
        await make(place, *wishes)
    with pytest.raises(UnknownOutcomeError, match=wishes[number].name):
        await make(place, *wishes)
    assert (await make(place, wishes[1 - number]))[0].id
    assert Counter(made(place)) <= Counter([GIVEN.name, "Other"])


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_page_that_was_to_be_renewed_is_in_doubt_too(
    place: World, moment: str
) -> None:
    await make(place, GIVEN)
    with killed_at(moment), pytest.raises(KilledError):
        await make(place, GIVEN, is_again=True)
    there = made(place)
    with pytest.raises(UnknownOutcomeError):
        await make(place, GIVEN)
    assert made(place) == there


@pytest.mark.parametrize("takes_effect", [True, False])
async def test_an_answer_that_stays_unclear_leaves_the_page_in_doubt(
    place: World, takes_effect: bool
) -> None:
    fault = Fault.answer(500, takes_effect=takes_effect)
    spoil(place.discovr, fault, "POST", "/pages", times=None)
    with pytest.raises(UnknownOutcomeError):
        await make(place, GIVEN)
    place.discovr.faults = None
    sent = len(posts(place))
    with pytest.raises(UnknownOutcomeError):
        await make(place, GIVEN)
    assert len(posts(place)) == sent
    assert len(made(place)) == takes_effect


async def test_what_was_lost_is_not_sent_again_in_another_session(
    place: World,
) -> None:
    """There it would make a second page."""
    answers = [Fault.cut_after(), Fault.answer(401)]
    place.discovr.faults = lambda request, _number: (
        answers.pop(0) if answers and request.path == "/pages" else None
    )
    with pytest.raises(UnknownOutcomeError):
        await make(place, GIVEN)
    assert made(place) == [GIVEN.name]


@pytest.mark.parametrize(
    "then", [Fault.answer(422), Fault.answer(429, retry_after=3600)]
)
async def test_what_was_lost_stays_in_doubt_whatever_is_answered_then(
    place: World, then: Fault
) -> None:
    answers = [Fault.cut_after(), then]
    place.discovr.faults = lambda request, _number: (
        answers.pop(0) if answers and request.path == "/pages" else None
    )
    with pytest.raises(ServiceError):
        await make(place, GIVEN)
    with pytest.raises(UnknownOutcomeError, match="may have made"):
        await make(place, GIVEN)
    assert made(place) == [GIVEN.name]


async def test_a_renewal_that_is_refused_leaves_what_was_known(place: World) -> None:
    first = await make(place, GIVEN)
    spoil(place.discovr, Fault.answer(422), "POST", "/pages")
    with pytest.raises(RejectedError):
        await make(place, GIVEN, is_again=True)
    assert (await make(place, GIVEN))[0].id == first[0].id


async def test_an_answer_without_an_id_leaves_the_page_in_doubt(place: World) -> None:
    body = Fault(Fault.garbled().kind.STATUS, body=b"{}", status=200)
    spoil(place.discovr, body, "POST", "/pages")
    with pytest.raises(ContractError):
        await make(place, GIVEN)
    with pytest.raises(UnknownOutcomeError):
        await make(place, GIVEN)
