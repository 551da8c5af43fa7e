"""Every field and every header of every service, with values that nobody expects.

A client raises a ServiceError, and nothing else; one bad record never takes the others
with it.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.auth.tokens import StoredToken, TokenStore
from connectors.discovr import client as discovr
from connectors.discovr.auth import IdentityAuth, SessionAuth
from connectors.discovr.device import DiscovrDevice
from connectors.discovr.extras import PageFilters, PagesClient, PlaybackClient
from connectors.errors import ConfigError, ServiceError
from connectors.http.client import HttpClient, RetryPolicy
from connectors.http.pacing import QuotaPacer, RatePacer
from connectors.pharen import client as pharen
from connectors.tmdb import client as tmdb
from connectors.trakt import client as trakt
from connectors.trakt.auth import OauthHosts, TraktAuth
from connectors.trakt.device import TraktDevice, read_account
from connectors.trakt.extras import ExtrasClient
from connectors.trakt.public import Budget, PublicClient
from sync.domain.plays import Ids, Kind, Title
from sync.extract.pages import MinimalCounts, PageCollector
from sync.extract.records import PlayMapper, read_resume_points
from sync.load.discovr import entry_from_api
from sync.transform.episodes import Clue, find_show
from sync.transform.listings import TmdbListing, TraktListing
from tests.clocks import FakeClock
from tests.hostile import ODD_HEADERS, Hostile, Told, spoilt, spoilt_at_once
from tests.long import examples

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from yarl import URL

    Ask: TypeAlias = "Callable[[HttpClient, TokenStore], Awaitable[object]]"

NOW = datetime(2026, 1, 1, tzinfo=UTC)
WHEN = "2024-03-01T20:15:00.000Z"
POLICY = RetryPolicy(attempts=2)


def title(number: int) -> dict[str, Any]:
    ids = {"trakt": number, "slug": "a", "imdb": "tt1", "tmdb": number, "tvdb": 3}
    return {"title": "A", "year": 2001, "ids": ids}


def film(number: int) -> dict[str, Any]:
    of = {"id": number, "watched_at": WHEN, "action": "watch", "type": "movie"}
    return {**of, "movie": title(number)}


def episode(number: int) -> dict[str, Any]:
    of = {"season": 1, "number": 2, "title": "E", "ids": {"trakt": number}}
    play = {"id": number, "watched_at": WHEN, "type": "episode"}
    return {**play, "show": title(5), "episode": of}


def point(number: int) -> dict[str, Any]:
    return {**film(number), "progress": 40.5, "paused_at": WHEN}


ACTIVITIES = {"all": WHEN} | {
    group: {"watched_at": WHEN, "paused_at": WHEN} for group in ("movies", "episodes")
}
SEASONS = [
    {
        "number": 1,
        "episode_count": 2,
        "aired_episodes": 2,
        "first_aired": WHEN,
        "episodes": [{"number": 1, "season": 1, "title": "E", "first_aired": WHEN}],
    }
]
TOKEN = {
    "access_token": "made-up",
    "refresh_token": "made-up-too",
    "expires_in": 604_800,
    "created_at": 1_700_000_000,
}
CODE = {
    "device_code": "d",
    "user_code": "U",
    "verification_url": "https://trakt.test/activate",
    "expires_in": 600,
    "interval": 5,
}
ENTRY = {
    "id": "TV_1396",
    "mediaType": "tv",
    "season": 1,
    "episode": 2,
    "progress": 100,
    "completed": True,
    "updatedAt": WHEN,
    "createdAt": WHEN,
    "imported": "trakt",
    "watched_count": 1,
    "title": "A",
}
LISTED = {"items": [ENTRY], "hasMore": False, "nextPageToken": None}
PROFILES = {"profiles": [{"id": "p", "name": "Ada", "createdAt": WHEN}]}
SESSION = {"sessionToken": "made-up", "expiresAt": 1_800_000_000}
PICTURE = {"deviceCode": "d", "userCode": "U", "expiresIn": 600_000, "qrCode": "x,AAAA"}
APPROVED = {"refreshToken": "made-up", "publicId": "1", "expiresAt": WHEN}
SHOW = {
    "id": 1,
    "status": "Ended",
    "seasons": [{"season_number": 1, "episode_count": 2}],
    "season/1": {
        "season_number": 1,
        "episodes": [{"episode_number": 1, "air_date": "2020-01-01"}],
    },
}
FOUND: dict[str, list[Any]] = {
    "movie_results": [{"id": 1, "title": "A", "release_date": "2020-01-01"}],
    "tv_results": [{"id": 2, "name": "B", "first_air_date": "2020-01-01"}],
    "tv_episode_results": [
        {"id": 3, "show_id": 2, "season_number": 1, "episode_number": 2}
    ],
}
WATCHED = {"plays": 1, "movie": {"title": "A", "genres": ["drama"], "runtime": 90}}
PAGES = {"data": [{"id": "1", "title": "T", "content": "C"}], "total": 1}


def reckon(moment: datetime) -> None:
    """Do what the program does with moments, at most."""
    assert moment - timedelta(days=400) < moment + timedelta(days=400)
    moment.astimezone()


async def ask_history(http: HttpClient, _store: TokenStore) -> int:
    page = await trakt.TraktClient(http).history_page(1)
    collector = PageCollector(PlayMapper(NOW))
    collector.add(page)
    counts = MinimalCounts()
    collector.describe(collector.missing(counts), counts)
    json.dumps([str(q) for q in collector.quarantined()])
    return page.size


async def ask_stamps(http: HttpClient, _store: TokenStore) -> None:
    activities, server_time = await trakt.TraktClient(http).last_activities()
    str(activities)
    if server_time:
        PlayMapper(server_time)


async def ask_films(http: HttpClient, _store: TokenStore) -> None:
    films = await trakt.TraktClient(http).minimal_films()
    MinimalCounts.from_api(films, {})
    json.dumps([f"movies/{film}" for film in films])


async def ask_shows(http: HttpClient, _store: TokenStore) -> None:
    shows = await trakt.TraktClient(http).minimal_seasons()
    MinimalCounts.from_api({}, shows)
    json.dumps([f"shows/{show}" for show in shows])


async def ask_air_dates(http: HttpClient, _store: TokenStore) -> None:
    client = PublicClient(Budget(http, http.pacer), clock=FakeClock())
    listing = TraktListing(client)
    for season in (await listing.dates(1, [1])).seasons.values():
        for text in season.values():
            if text:
                reckon(listing.airing(text).at)


async def ask_plain_dates(http: HttpClient, _store: TokenStore) -> None:
    listing = TmdbListing(tmdb.TmdbClient(http, tmdb.ApiKeyAuth("k")))
    for season in (await listing.dates(1, [1])).seasons.values():
        for text in season.values():
            if text:
                reckon(listing.airing(text).at)


async def ask_points(http: HttpClient, _store: TokenStore) -> int:
    points, left_out = await read_resume_points(ExtrasClient(http), NOW)
    return len(points) + len(left_out)


async def ask_watched(http: HttpClient, _store: TokenStore) -> int:
    items, bad = await ExtrasClient(http).watched("movies")
    return len(items) + bad


async def ask_account(http: HttpClient, _store: TokenStore) -> None:
    str(await read_account(http))


async def ask_trakt_code(http: HttpClient, _store: TokenStore) -> None:
    await trakt_device(http).start()


def trakt_device(http: HttpClient) -> TraktDevice:
    hosts = OauthHosts(http)
    return TraktDevice(hosts, client_id="i", client_secret="made-up", clock=FakeClock())


async def ask_trakt_login(http: HttpClient, store: TokenStore) -> None:
    code = await trakt_device(
        HttpClient("Trakt", "https://t.test", session=steady(CODE), clock=FakeClock())
    ).start()
    token = await trakt_device(http).poll(code)
    if token:
        store.save("trakt", token)
        await trakt_auth(http, store).headers()


async def ask_trakt_renewal(http: HttpClient, store: TokenStore) -> None:
    past = NOW - timedelta(days=90)
    spent = StoredToken(
        access_token="made-up-0",
        refresh_token="made-up-1",
        expires_at=past,
        obtained_at=past,
    )
    store.save("trakt", spent)
    auth = trakt_auth(http, store)
    await auth.headers()
    await auth.headers()


def trakt_auth(http: HttpClient, store: TokenStore) -> TraktAuth:
    return TraktAuth(
        OauthHosts(http),
        store,
        client_id="i",
        client_secret="made-up",
        clock=FakeClock(),
    )


async def ask_entries(http: HttpClient, _store: TokenStore) -> None:
    client = discovr.DiscovrClient(http)
    for items in (
        [i async for i in client.history()],
        [await client.title_history("x")],
    ):
        for entry in (entry_from_api(one) for page in items for one in page):
            if entry.updated_at:
                reckon(entry.updated_at)
            assert abs(entry.key.season or 0) < 2**63


async def ask_session(http: HttpClient, store: TokenStore) -> None:
    identity = IdentityAuth(store, "made-up")
    session = SessionAuth(http, identity, "Ada", clock=FakeClock())
    await session.headers()
    str(session.ends_at)


async def ask_discovr_code(http: HttpClient, _store: TokenStore) -> None:
    await DiscovrDevice(http, client_id="i", clock=FakeClock()).start()


async def ask_discovr_login(http: HttpClient, store: TokenStore) -> None:
    steady_http = HttpClient("Discovr", "https://d.test", session=steady(PICTURE))
    code = await DiscovrDevice(steady_http, client_id="i", clock=FakeClock()).start()
    token = await DiscovrDevice(http, client_id="i", clock=FakeClock()).poll(code)
    if token:
        store.save("discovr", token)
        assert token.expires_at
        str(token.expires_at.astimezone())


async def ask_listed(http: HttpClient, _store: TokenStore) -> None:
    await PlaybackClient(http).listed()


async def ask_page(http: HttpClient, _store: TokenStore) -> None:
    await PagesClient(http).create(PageFilters(), "n")


async def ask_found(http: HttpClient, _store: TokenStore) -> None:
    client = tmdb.TmdbClient(http, tmdb.ApiKeyAuth("k"))
    found = await client.find("tt1", "imdb_id")
    titles = [*found.movie_results, *found.tv_results]
    assert all(0 < hit.id < 2**63 and hit.label for hit in titles)
    assert all(0 < hit.show_id < 2**63 for hit in found.tv_episode_results)
    show = Title(Kind.SHOW, "B", 2020)
    clue = Clue(Ids(imdb="tt1", tmdb=3), 1, 2)
    number = await find_show(client, show, [clue])
    assert number is None or 0 < number < 2**63


async def ask_title(http: HttpClient, _store: TokenStore) -> None:
    client = tmdb.TmdbClient(http, tmdb.ApiKeyAuth("k"))
    assert (await client.title(1, is_film=True)).label


async def ask_pages(http: HttpClient, _store: TokenStore) -> None:
    async for page in pharen.PharenClient(http).pages():
        str(page)


async def ask_update(http: HttpClient, _store: TokenStore) -> None:
    await pharen.PharenClient(http).update("1", "t", "c")


CALLS: dict[str, tuple[str, Any, Ask]] = {
    "history": ("Trakt", [film(1), episode(2), film(3)], ask_history),
    "stamps": ("Trakt", ACTIVITIES, ask_stamps),
    "minimal films": ("Trakt", {"1": [WHEN]}, ask_films),
    "minimal shows": ("Trakt", {"1": {"1": {"7": [WHEN, WHEN]}}}, ask_shows),
    "air dates": ("Trakt", SEASONS, ask_air_dates),
    "resume points": ("Trakt", [point(1), point(2)], ask_points),
    "watched": ("Trakt", [WATCHED, WATCHED | {"plays": 2}], ask_watched),
    "account": ("Trakt", {"user": {"username": "a", "vip": True}}, ask_account),
    "code of Trakt": ("Trakt", CODE, ask_trakt_code),
    "login of Trakt": ("Trakt", TOKEN, ask_trakt_login),
    "renewal at Trakt": ("Trakt", TOKEN, ask_trakt_renewal),
    "entries": ("Discovr", LISTED, ask_entries),
    "profiles": ("Discovr", PROFILES | SESSION, ask_session),
    "code of Discovr": ("Discovr", PICTURE, ask_discovr_code),
    "login of Discovr": ("Discovr", APPROVED, ask_discovr_login),
    "continue watching": ("Discovr", LISTED, ask_listed),
    "a page": ("Discovr", {"id": "1", "createdAt": WHEN}, ask_page),
    "plain dates": ("TMDB", SHOW, ask_plain_dates),
    "found": ("TMDB", FOUND, ask_found),
    "a title": ("TMDB", FOUND["movie_results"][0], ask_title),
    "pages": ("Pharen Hub", PAGES, ask_pages),
    "an update": ("Pharen Hub", PAGES["data"][0], ask_update),  # type: ignore[index]
}
EXPLAIN = {
    "Trakt": trakt.explain,
    "Discovr": discovr.explain,
    "TMDB": tmdb.explain,
    "Pharen Hub": pharen.explain,
}


def steady(document: Any) -> Any:
    """Answer with that document, whatever is asked."""
    body = json.dumps(document).encode()
    return Hostile(lambda _method, _url: Told(body)).session


def client_of(service: str, answer: Callable[[str, URL], Told]) -> HttpClient:
    clock = FakeClock()
    is_trakt = service == "Trakt"
    pacer = QuotaPacer(clock=clock) if is_trakt else RatePacer(5, clock=clock)
    return HttpClient(
        service,
        "https://service.test",
        session=Hostile(answer).session,
        pacer=pacer,
        clock=clock,
        retry=POLICY,
        explain=EXPLAIN[service],
    )


def errors(kind: type[ServiceError] = ServiceError) -> Iterator[str]:
    yield kind.__name__
    for below in kind.__subclasses__():
        yield from errors(below)


ERRORS = set(errors())
#: Lists of which one bad record must not take another with it.
RECORDS = {"history", "resume points", "watched"}


async def came_of(call: str, tmp_path: Path, told: Told) -> object:
    """Return the kind of the error, else what the asking itself returns."""
    service, _, ask = CALLS[call]
    store = TokenStore(tmp_path / "tokens.json")
    try:
        return await ask(client_of(service, lambda _method, _url: told), store)
    except ServiceError as error:
        return type(error).__name__ if str(error).isprintable() else str(error)
    finally:
        store.delete("trakt")
        store.delete("discovr")


@pytest.mark.parametrize("call", CALLS)
async def test_no_field_brings_anything_but_a_service_error(
    call: str, tmp_path: Path
) -> None:
    document, outcomes = CALLS[call][1], set()
    for name, body in spoilt(document):
        try:
            outcomes.add(came := await came_of(call, tmp_path, Told(body)))
            if call in RECORDS and not name.startswith(":"):
                assert came == len(document)
            assert not isinstance(came, str) or came in ERRORS
        except Exception as error:
            error.add_note(f"{call}: {name}")
            raise
    assert not outcomes <= ERRORS, "nothing was answered at all"


HEADERS = {
    "Retry-After": (200, 429, 503),
    "Date": (200, 429),
    "X-Ratelimit": (200, 429),
    "X-Pagination-Limit": (200,),
    "X-Pagination-Page-Count": (200,),
    "X-Pagination-Item-Count": (200,),
    "Location": (301, 307),
    "Content-Type": (200, 404),
    "x-request-id": (403,),
}


@pytest.mark.parametrize("call", CALLS)
async def test_no_header_brings_anything_but_a_service_error(
    call: str, tmp_path: Path
) -> None:
    body = json.dumps(CALLS[call][1]).encode()
    for header, statuses in HEADERS.items():
        for status in statuses:
            for value in ODD_HEADERS:
                headers = {header: value}
                if header == "Date":
                    headers["Retry-After"] = "Fri, 02 Jan 2026 00:00:00 GMT"
                try:
                    await came_of(call, tmp_path, Told(body, status, headers))
                except Exception as error:
                    error.add_note(f"{call}: {header}: {value[:40]!r}, {status}")
                    raise


@examples(10, 100, 1_000)
@given(st.sampled_from(sorted(CALLS)), st.data())
async def test_several_odd_values_at_once_bring_nothing_else(
    tmp_path_factory: pytest.TempPathFactory, call: str, data: st.DataObject
) -> None:
    names, values = st.sampled_from(sorted(HEADERS)), st.sampled_from(ODD_HEADERS)
    headers = data.draw(st.dictionaries(names, values))
    status = data.draw(st.sampled_from([200, 200, 200, 204, 301, 404, 418, 429, 503]))
    told = Told(data.draw(spoilt_at_once(CALLS[call][1])), status, headers)
    came = await came_of(call, tmp_path_factory.getbasetemp(), told)
    assert not isinstance(came, str) or came in ERRORS


@pytest.mark.parametrize("odd", [r"cut \ud83d", r"\udc00\ud83d", "A\x80"])
async def test_half_an_emoji_costs_no_record_and_no_other(odd: str) -> None:
    body = json.dumps([film(1), film(2), film(3)]).replace(
        '"title": "A"', f'"title": "{odd}"', 1
    )
    told = Told(body.encode("latin-1"))
    http = client_of("Trakt", lambda _method, _url: told)
    page = await trakt.TraktClient(http).history_page(1)
    assert [item.id for item in page.items] == [1, 2, 3]
    assert not page.bad
    assert http.stats.requests == 1, "nothing was asked again"
    first = page.items[0].movie
    assert first
    assert first.title
    first.title.encode()


async def test_a_number_that_cannot_be_costs_its_own_record_alone() -> None:
    for odd in ("1e400", "NaN", "9" * 5_000, "true", "[" * 250 + "]" * 250):
        body = json.dumps([film(1), episode(2), film(3)])
        told = Told(body.replace('"season": 1', f'"season": {odd}').encode())
        http = client_of("Trakt", lambda _method, _url, told=told: told)  # type: ignore[misc]
        page = await trakt.TraktClient(http).history_page(1)
        assert [item.id for item in page.items] == [1, 3], odd[:20]
        assert [(b.kind, b.trakt_id) for b in page.bad] == [("episode", 2)]


async def test_a_truth_value_is_no_number_anywhere() -> None:
    body = json.dumps([film(1)]).replace('"trakt": 1', '"trakt": true')
    http = client_of("Trakt", lambda _method, _url: Told(body.encode()))
    page = await trakt.TraktClient(http).history_page(1)
    # It is no id, and an id that cannot be read costs no play.
    assert [i.movie and i.movie.ids.trakt for i in page.items] == [None]
    assert not page.bad


async def test_a_login_survives_an_expiry_that_cannot_be(tmp_path: Path) -> None:
    store = TokenStore(tmp_path / "tokens.json")
    body = json.dumps(APPROVED | {"expiresAt": "never"}).encode()
    http = client_of("Discovr", lambda _method, _url: Told(body))
    device = DiscovrDevice(http, client_id="i", clock=FakeClock())
    code = await DiscovrDevice(
        HttpClient("Discovr", "https://d.test", session=steady(PICTURE)),
        client_id="i",
        clock=FakeClock(),
    ).start()
    token = await device.poll(code)
    assert token is not None
    store.save("discovr", token)
    assert token.expires_at == FakeClock().now() + timedelta(days=90)


async def test_a_session_without_a_readable_end_is_refused(tmp_path: Path) -> None:
    body = json.dumps(PROFILES | SESSION | {"expiresAt": -62_135_596_800}).encode()
    with pytest.raises(ServiceError, match="ends at a time"):
        await ask_session(
            client_of("Discovr", lambda _method, _url: Told(body)),
            TokenStore(tmp_path / "tokens.json"),
        )


def test_the_calls_name_every_service() -> None:
    assert {service for service, _, _ in CALLS.values()} == set(EXPLAIN)
    assert issubclass(ConfigError, ServiceError)
