"""Publishing over HTTP: one page a profile, whatever the answers are like."""

from __future__ import annotations

from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import (
    ConfigError,
    ContractError,
    NotFoundError,
    RejectedError,
    ServiceError,
    TransientError,
    UnknownOutcomeError,
)
from connectors.http.client import HttpClient
from connectors.pharen.client import PharenClient, explain, request_headers
from sync.extras.publish import FACT, MOST_SENDS, Published, Publisher
from sync.ledger import Ledger
from sync.sandbox.pharen import API_KEY, PharenQuirks, PharenStandIn
from sync.sandbox.server.faults import Fault
from tests.clocks import FakeClock
from tests.extras_suite.benches import NOON, spoil

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime

    from connectors.pharen.models import Page

PATH = "/v1/new-page"
TITLE, TEXT = "From Trakt to Discovr: Me", "# Report\n\nAll there.\n"


@dataclass
class Bench:
    """A publisher and the hub that it publishes on."""

    hub: PharenStandIn
    ledger: Ledger
    publisher: Publisher
    clock: FakeClock

    async def publish(self, text: str = TEXT, title: str = TITLE) -> Published:
        return await self.publisher.publish(title, text)

    def pages(self) -> list[tuple[str, str]]:
        return [(page.title, page.content) for page in self.hub.pages]

    def writes(self) -> list[str]:
        return [seen.method for seen in self.hub.seen if seen.method != "GET"]


@asynccontextmanager
async def bench(key: str = API_KEY, **quirks: Any) -> AsyncIterator[Bench]:
    clock = FakeClock(NOON)
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(
            PharenStandIn(quirks=PharenQuirks(**quirks))
        )
        ledger = await stack.enter_async_context(await Ledger.open("sqlite://"))
        http = HttpClient(
            "Pharen Hub",
            hub.api_url,
            headers=request_headers(key),
            explain=explain,
            clock=clock,
        )
        client = PharenClient(await stack.enter_async_context(http))
        yield Bench(hub, ledger, Publisher(client, ledger, "prf_1", clock), clock)


async def test_the_first_report_adds_a_page_and_the_next_updates_it() -> None:
    async with bench(new_fields=True) as place:
        first = await place.publish()
        again = await place.publish("newer", "Another title")
        assert (first.is_new, again.is_new) == (True, False)
        assert first.id == again.id
        assert place.pages() == [("Another title", "newer")]
        assert place.writes() == ["POST", "PUT"]


async def test_a_page_that_was_removed_there_is_added_anew() -> None:
    async with bench() as place:
        first = await place.publish()
        place.hub.person_removes(first.id)
        again = await place.publish()
        assert again.is_new
        assert again.id != first.id
        assert place.pages() == [(TITLE, TEXT)]


async def test_a_page_that_is_not_found_once_is_no_page_that_was_removed() -> None:
    async with bench() as place:
        first = await place.publish()
        spoil(place.hub, Fault.answer(404), "PUT", PATH)
        again = await place.publish("newer")
        assert (again.id, again.is_new) == (first.id, False)
        assert place.pages() == [(TITLE, "newer")]


async def test_a_list_that_lags_behind_a_lost_answer_adds_no_second_page() -> None:
    async with bench() as place:
        client, lags = place.publisher._client, [True]
        read = client.pages

        async def late() -> AsyncIterator[Page]:
            """Leave out, in one reading, what was added a moment ago."""
            if place.hub.pages and lags:
                lags.pop()
                return
            async for page in read():
                yield page

        client.pages = late  # type: ignore[method-assign]
        spoil(place.hub, Fault.cut_after(), "POST", PATH)
        first = await place.publish()
        assert len(place.hub.pages) == 1
        assert first.id == place.hub.pages[0].id


async def test_a_list_that_never_names_the_page_is_looked_at_twice_a_send() -> None:
    async with bench() as place:
        looks: list[datetime] = []
        nothing: list[Page] = []

        async def empty() -> AsyncIterator[Page]:
            looks.append(place.clock.now())
            for page in nothing:
                yield page

        place.publisher._client.pages = empty  # type: ignore[method-assign]
        spoil(place.hub, Fault.cut_before(), "POST", PATH, times=None)
        with pytest.raises(UnknownOutcomeError, match="3 tries"):
            await place.publish()
        assert place.writes() == ["POST"] * 3
        # One look before the first, and two after each, some seconds apart.
        assert [(at - NOON).total_seconds() for at in looks] == [
            *(0, 5, 10, 15, 20, 25, 30)
        ]


@pytest.mark.parametrize("lags", [0, 1, 2])
async def test_a_page_that_is_lost_twice_in_a_row_was_removed(lags: int) -> None:
    async with bench() as place:
        first = await place.publish()
        spoil(place.hub, Fault.answer(404), "PUT", f"{PATH}/{first.id}", times=lags)
        before = place.clock.now()
        again = await place.publish("newer")
        waited = (place.clock.now() - before).total_seconds()
        assert again.is_new is (lags == 2)
        assert waited == (5 if lags else 0)
        assert place.writes()[1:] == ["PUT"] * min(lags + 1, 2) + ["POST"] * (lags == 2)


async def test_a_page_of_the_same_title_is_left_alone() -> None:
    async with bench() as place:
        own = place.hub.person_adds(TITLE, "my own words")
        published = await place.publish()
        await place.publish("newer")
        assert published.id != own.id
        assert sorted(place.pages()) == [(TITLE, "my own words"), (TITLE, "newer")]


@contextmanager
def hidden(place: Bench, *ids: str, readings: int = 1) -> Iterator[None]:
    """Leave these pages out of so many readings of the list."""
    client, left = place.publisher._client, [readings]
    read = client.pages

    async def short() -> AsyncIterator[Page]:
        left[0] -= 1
        is_short = left[0] >= 0
        async for page in read():
            if not (is_short and page.id in ids):
                yield page

    client.pages = short  # type: ignore[method-assign]
    yield
    client.pages = read  # type: ignore[method-assign]


@pytest.mark.parametrize("takes_effect", [True, False])
@pytest.mark.parametrize("is_killed", [True, False])
@pytest.mark.parametrize(
    "quirks", [{}, {"short_list": True}, {"trims_content": True, "short_list": True}]
)
async def test_a_page_that_the_list_hid_is_never_taken_for_ours(
    quirks: dict[str, Any], is_killed: bool, takes_effect: bool
) -> None:
    """An older page of that title turns up in the list only when ours is looked for."""
    async with bench(**quirks) as place:
        place.hub._now = place.clock.now
        own = place.hub.person_adds(TITLE, "my own words")
        place.clock.advance(3600)
        fault = Fault.cut_after() if takes_effect else Fault.cut_before()
        with hidden(place, own.id):
            if is_killed:
                spoil(place.hub, fault, "POST", PATH)
                place.publisher._find = killed  # type: ignore[method-assign, assignment]
                with pytest.raises(KilledError):
                    await place.publish()
                del place.publisher._find
            else:
                spoil(place.hub, fault, "POST", PATH)
            published = await place.publish("newer" if is_killed else TEXT)
        await place.publish("newest")
        assert published.id != own.id
        assert place.pages() == [(TITLE, "my own words"), (TITLE, "newest")]


class KilledError(BaseException):
    """Nothing of the program survives it."""


async def killed(*_args: object) -> None:
    raise KilledError


async def test_a_page_that_may_be_ours_or_not_is_left_alone_and_named() -> None:
    async with bench() as place:
        place.hub._now = place.clock.now
        spoil(place.hub, Fault.cut_before(), "POST", PATH)
        place.publisher._find = killed  # type: ignore[method-assign, assignment]
        with pytest.raises(KilledError):
            await place.publish()
        del place.publisher._find
        theirs = place.hub.person_adds(TITLE, "added by somebody else since")
        for _ in range(2):
            with pytest.raises(UnknownOutcomeError, match=TITLE) as caught:
                await place.publish()
            assert "Rename" in caught.value.remedy
        assert place.pages() == [(TITLE, theirs.content)]
        place.hub.person_removes(theirs.id)
        await place.publish()
        assert place.pages() == [(TITLE, TEXT)]


UNCLEAR = [
    Fault.answer(500),
    Fault.answer(500, takes_effect=True),
    Fault.answer(502, html=True, takes_effect=True),
    Fault.cut_before(),
    Fault.cut_after(),
    Fault.garbled(),
    Fault.short_body(),
    Fault.html(),
]


def name(fault: Fault) -> str:
    return f"{fault.kind.name} {fault.status} {fault.takes_effect}"


@pytest.mark.parametrize("short_list", [True, False])
@pytest.mark.parametrize("fault", UNCLEAR, ids=name)
async def test_an_unclear_answer_is_looked_for_in_the_list_by_title(
    fault: Fault, short_list: bool
) -> None:
    async with bench(short_list=short_list, trims_content=True) as place:
        place.hub.person_adds(TITLE, "my own words")
        spoil(place.hub, fault, "POST", PATH)
        published = await place.publish()
        assert len(place.hub.pages) == 2
        assert published.id == place.hub.pages[1].id
        assert (await place.publish()).id == published.id


@pytest.mark.parametrize("fault", UNCLEAR, ids=name)
async def test_an_update_may_be_sent_again(fault: Fault) -> None:
    async with bench() as place:
        page = await place.publish()
        spoil(place.hub, fault, "PUT", f"{PATH}/{page.id}")
        assert await place.publish("newer") == Published(page.id, TITLE, is_new=False)
        assert place.pages() == [(TITLE, "newer")]


@pytest.mark.parametrize("takes_effect", [True, False])
async def test_what_an_earlier_run_may_have_added_is_looked_for_first(
    takes_effect: bool,
) -> None:
    async with bench() as place:
        own = place.hub.person_adds(TITLE, "my own words")
        intent = {"id": None, "title": TITLE, "before": [own.id]}
        await place.ledger.put_fact("prf_1", FACT, intent, NOON)
        if takes_effect:
            place.hub.person_adds(TITLE, "sent by a run that was killed")
        published = await place.publish(title="Another title")
        assert sorted(place.pages()) == [("Another title", TEXT), (TITLE, own.content)]
        assert published.is_new is not takes_effect


async def test_a_page_is_found_on_any_page_of_the_list() -> None:
    async with bench() as place:
        intent: dict[str, Any] = {"id": None, "title": TITLE, "before": []}
        await place.ledger.put_fact("prf_1", FACT, intent, NOON)
        ours = place.hub.person_adds(TITLE)
        for number in range(150):
            place.hub.person_adds(f"Note {number}")
        assert (await place.publish()).id == ours.id


async def test_a_hub_that_never_answers_clearly_is_given_up() -> None:
    async with bench() as place:
        spoil(place.hub, Fault.cut_before(), "POST", PATH, times=None)
        with pytest.raises(UnknownOutcomeError, match="no clear answer"):
            await place.publish()
        assert place.writes() == ["POST"] * MOST_SENDS
        place.hub.faults = None
        await place.publish()
        assert place.pages() == [(TITLE, TEXT)]


@pytest.mark.parametrize(
    ("status", "kind", "words"),
    [
        (400, RejectedError, "400"),
        (401, ConfigError, "api_key"),
        (403, ConfigError, "write access"),
        (404, NotFoundError, "404"),
        (409, RejectedError, "409"),
        (422, RejectedError, "refuses the content"),
        (429, TransientError, "429"),
    ],
)
async def test_a_lasting_refusal_says_what_to_do_and_adds_nothing(
    status: int, kind: type[ServiceError], words: str
) -> None:
    async with bench() as place:
        spoil(place.hub, Fault.answer(status), "POST", PATH, times=None)
        with pytest.raises(kind, match=words):
            await place.publish()
        place.hub.faults = None
        await place.publish()
        assert place.pages() == [(TITLE, TEXT)]


@pytest.mark.parametrize(
    ("key", "quirks", "words"),
    [
        ("revoked", {}, r"\[pharen\] api_key"),
        (API_KEY, {"read_only": True}, "write access"),
    ],
)
async def test_a_key_that_will_not_do_is_named_and_never_shown(
    key: str, quirks: dict[str, bool], words: str
) -> None:
    async with bench(key, **quirks) as place:
        with pytest.raises(ConfigError, match=words) as caught:
            await place.publish()
        assert key not in str(caught.value)


@pytest.mark.parametrize(
    ("title", "text", "field"),
    [("x" * 256, TEXT, "title"), ("", TEXT, "title"), (TITLE, "x" * 99, "content")],
)
async def test_a_refusal_shows_the_field(title: str, text: str, field: str) -> None:
    async with bench(longest_content=90) as place:
        with pytest.raises(RejectedError, match=f"the {field} of the page"):
            await place.publish(text, title)
        assert place.pages() == []


async def test_a_limit_is_waited_out() -> None:
    async with bench(requests_per_second=1) as place:
        place.hub._now = place.publisher._clock.now
        await place.publish()
        assert place.pages() == [(TITLE, TEXT)]


async def test_an_answer_without_an_id_breaks_the_contract_and_adds_one_page() -> None:
    async with bench() as place:
        body = Fault(Fault.garbled().kind.STATUS, body=b"{}", status=201)
        spoil(place.hub, body, "POST", PATH)
        with pytest.raises(ContractError):
            await place.publish()
        await place.publish()
        assert place.pages() == [(TITLE, TEXT)]
