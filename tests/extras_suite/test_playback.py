"""Resume points over HTTP: what arrives, in which calls, and nothing twice."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from connectors.errors import (
    AuthError,
    NotFoundError,
    ServiceError,
    UnknownOutcomeError,
)
from sync.domain import resume
from sync.domain.desired import NO_ID
from sync.domain.plays import Key
from sync.errors import StoppedError
from sync.pipeline.documents import _playback
from sync.pipeline.playback import (
    FACT,
    PlaybackPlan,
    PlaybackResult,
    carry_playback,
    plan_playback,
)
from sync.pipeline.prepare import prepare
from sync.runtime.stop import Stop
from sync.sandbox.account.sample import own_entries, sample_account
from sync.sandbox.server.faults import Fault
from tests.extras_suite.benches import (
    FILM,
    NOON,
    SHOW,
    Bench,
    bench,
    spoil,
    without_playback,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from aiohttp import web

    from sync.domain.resume import Resume

PATH = "/profile/playback"
LATER = NOON + timedelta(hours=3)


@asynccontextmanager
async def paused(folder: Path, **quirks: Any) -> AsyncIterator[Bench]:
    """Open an account with a film and an episode half seen."""
    async with bench(folder, **quirks) as place:
        place.pause("Conclave", 43.5, NOON)
        place.pause("The Bear", 62.25, LATER, 4, 7)
        yield place


BOTH = [(FILM, None, None, 43.5), (SHOW, 4, 7, 62.25)]


async def test_a_film_takes_a_post_and_an_episode_a_patch_as_well(
    tmp_path: Path,
) -> None:
    async with paused(tmp_path, rejects_extra_fields=True) as place:
        result = await place.carry()
        assert place.points() == BOTH
        assert place.writes() == ["POST", "POST", "PATCH"]
        assert [p.updated_at for p in place.world.discovr.playback()] == [NOON, LATER]
    assert result.is_complete
    assert result.seen == len(result.written) == 2


@pytest.mark.parametrize("known", ["replaces", "doubles", "conflict"])
@pytest.mark.parametrize("absent", ["creates", "missing"])
async def test_a_second_run_sends_nothing_and_a_newer_pause_replaces(
    tmp_path: Path, known: str, absent: str
) -> None:
    async with paused(tmp_path, playback_known=known, playback_absent=absent) as place:
        await place.carry()
        sent = len(place.writes())
        assert (await place.carry()).plan.chosen == ()
        assert len(place.writes()) == sent
        place.pause("Conclave", 60, LATER)
        place.pause("The Bear", 5, LATER + timedelta(hours=1), 4, 8)
        await place.carry()
        assert place.points() == [(FILM, None, None, 60), (SHOW, 4, 8, 5)]
        assert place.writes()[sent:] == ["PATCH", "PATCH"]


@pytest.mark.parametrize(
    ("known", "absent"), [("doubles", "creates"), ("conflict", "missing")]
)
@pytest.mark.parametrize("method", ["POST", "PATCH"])
@pytest.mark.parametrize(
    "fault",
    [
        Fault.answer(500),
        Fault.answer(500, takes_effect=True),
        Fault.answer(503, retry_after=1),
        Fault.cut_before(),
        Fault.cut_after(),
        Fault.garbled(),
        Fault.late(0),
    ],
    ids=lambda fault: f"{fault.kind.name} {fault.status} {fault.takes_effect}",
)
async def test_an_unclear_answer_doubles_nothing(
    tmp_path: Path, known: str, absent: str, method: str, fault: Fault
) -> None:
    async with paused(tmp_path, playback_known=known, playback_absent=absent) as place:
        spoil(place.world.discovr, fault, method, PATH)
        result = await place.carry()
        await place.world.discovr.settle()
        assert result.is_complete
        assert place.points() == BOTH


@pytest.mark.parametrize("status", [400, 404, 409, 422])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_refusal_is_reported_and_the_others_go_on(
    tmp_path: Path, status: int, method: str
) -> None:
    async with paused(tmp_path, playback_absent="missing") as place:
        spoil(place.world.discovr, Fault.answer(status), method, PATH)
        result = await place.carry()
        # Nobody says which of the two was refused; a 409 is turned into a PATCH.
        assert len(result.failed) + len(result.written) == 2
        assert all(str(status) in why or "404" in why for _, why in result.failed)
        again = await place.carry()
        assert again.is_complete
        assert place.points() == BOTH


async def test_a_title_that_is_known_there_and_not_here_is_patched(
    tmp_path: Path,
) -> None:
    async with paused(tmp_path, playback_known="conflict") as place:
        await place.carry()
        for media in (FILM, SHOW):
            await place.services.ledger.delete_fact(
                place.prepared.profile, FACT + media
            )
        sent = len(place.writes())
        assert (await place.carry()).is_complete
        assert place.writes()[sent:] == ["POST", "PATCH", "POST", "PATCH"]
        assert place.points() == BOTH


async def test_a_title_that_is_known_here_and_not_there_is_posted(
    tmp_path: Path,
) -> None:
    async with paused(tmp_path, playback_absent="missing") as place:
        profile, moment = place.prepared.profile, NOON - timedelta(days=1)
        fact = {"paused_at": moment.isoformat(), "is_settled": True}
        for media in (FILM, SHOW):
            await place.services.ledger.put_fact(profile, FACT + media, fact, NOON)
        assert (await place.carry()).is_complete
        assert place.writes() == [
            *("PATCH", "PATCH", "POST"),
            *("PATCH", "PATCH", "POST", "PATCH"),
        ]
        assert place.points() == BOTH


@pytest.mark.parametrize("lost", range(3))
@pytest.mark.parametrize("known", ["replaces", "doubles", "conflict"])
@pytest.mark.parametrize("absent", ["creates", "missing"])
async def test_a_point_that_is_not_found_once_is_no_point_that_was_removed(
    tmp_path: Path, known: str, absent: str, lost: int
) -> None:
    async with paused(tmp_path, playback_known=known, playback_absent=absent) as place:
        await place.carry()
        place.pause("Conclave", 60, LATER)
        place.pause("The Bear", 5, LATER + timedelta(hours=1), 4, 8)
        spoil_some(place, lost)
        assert (await place.carry()).is_complete
        assert place.points() == [(FILM, None, None, 60), (SHOW, 4, 8, 5)]


@pytest.mark.parametrize("takes_effect", [True, False])
@pytest.mark.parametrize("known", ["replaces", "doubles", "conflict"])
async def test_a_lost_answer_and_a_point_that_is_not_found_once_double_nothing(
    tmp_path: Path, known: str, takes_effect: bool
) -> None:
    async with paused(
        tmp_path, playback_known=known, playback_absent="missing"
    ) as place:
        fault = Fault.cut_after() if takes_effect else Fault.cut_before()
        spoil_some(place, 0, first=fault)
        assert (await place.carry()).is_complete
        assert place.points() == BOTH


def spoil_some(place: Bench, lost: int, *, first: Fault | None = None) -> None:
    """Let the PATCH of that number say 404, and the first POST go wrong as told."""
    seen: list[str] = []

    def plan(request: web.Request, _number: int) -> Fault | None:
        if request.path != PATH or request.method == "GET":
            return None
        seen.append(request.method)
        if request.method == "POST":
            return first if seen.count("POST") == 1 else None
        return Fault.answer(404) if seen.count("PATCH") == lost + 1 else None

    place.world.discovr.faults = plan


@pytest.mark.parametrize("known", ["replaces", "doubles", "conflict"])
@pytest.mark.parametrize("boundary", range(3))
@pytest.mark.parametrize("takes_effect", [True, False])
async def test_killed_at_any_request_and_run_again_it_ends_the_same(
    tmp_path: Path, known: str, boundary: int, takes_effect: bool
) -> None:
    class Killed(BaseException):
        """Nothing of the program survives it."""

    async with paused(tmp_path, playback_known=known) as place:
        target = place.services.target
        calls = [target.add_resume_point, target.set_resume_point]  # type: ignore[attr-defined]  # the bench's own target
        left = [boundary]

        def deadly(call: Any) -> Any:
            async def write(point: Any) -> None:
                if left[0] == 0:
                    left[0] = -1
                    if takes_effect:
                        await call(point)
                    raise Killed
                left[0] -= 1
                await call(point)

            return write

        target.add_resume_point, target.set_resume_point = map(deadly, calls)  # type: ignore[attr-defined]  # as above
        with pytest.raises(Killed):
            await place.carry()
        assert (await place.carry()).is_complete
        assert place.points() == BOTH


@pytest.mark.parametrize("fault", [Fault.answer(401), Fault.answer(429, retry_after=2)])
@pytest.mark.parametrize("method", ["POST", "PATCH"])
async def test_a_passing_refusal_is_waited_out(
    tmp_path: Path, fault: Fault, method: str
) -> None:
    async with paused(tmp_path) as place:
        spoil(place.world.discovr, fault, method, PATH)
        assert (await place.carry()).is_complete
        assert place.points() == BOTH


async def test_a_login_that_is_refused_for_good_ends_the_step_alone(
    tmp_path: Path,
) -> None:
    async with paused(tmp_path) as place:
        spoil(place.world.discovr, Fault.answer(401), "POST", PATH, times=None)
        result = await place.carry()
        assert isinstance(result.error, AuthError)
        assert not result.is_complete
        assert place.points() == []
        place.world.discovr.faults = None
        assert (await place.carry()).is_complete
        assert place.points() == BOTH


async def test_a_service_that_is_down_ends_the_step(tmp_path: Path) -> None:
    async with paused(tmp_path) as place:
        fault = Fault.answer(429, retry_after=3)
        spoil(place.world.discovr, fault, "POST", PATH, times=None)
        result = await place.carry()
        assert isinstance(result.error, ServiceError)
        assert (result.written, place.points()) == ((), [])


@pytest.mark.parametrize(
    "fault",
    [
        *(Fault.answer(status) for status in (400, 404, 409, 422, 426, 500, 503)),
        Fault.cut_before(),
        Fault.html(),
        Fault.garbled(),
        Fault.cloudflare(),
    ],
    ids=lambda fault: f"{fault.kind.name} {fault.status}",
)
async def test_what_trakt_does_wrong_never_holds_the_history_up(
    tmp_path: Path, fault: Fault
) -> None:
    async with paused(tmp_path) as place:
        spoil(place.world.trakt, fault, "GET", "/sync/playback", times=None)
        result = await place.carry()
        assert isinstance(result.error, ServiceError)
        assert not result.is_complete
        spoil(place.world.trakt, fault, "GET", "/sync/playback", times=0)
        assert (await place.carry()).is_complete
        assert place.points() == BOTH


@pytest.mark.parametrize(
    ("listed", "seen"),
    [
        ({}, 0),
        ({Key(FILM): 43.5}, 1),
        ({Key(FILM): 43.5, Key(SHOW, 4, 7): 62.25}, 2),
        ({Key(FILM): 43.5, Key(SHOW, 4, 7): 62.0, Key("MV_1"): 9.0}, 1),
        ({Key(FILM): 43.5, Key(SHOW, 4, 8): 62.25}, 1),
        ({Key(FILM): 43.5, Key(SHOW): 62.25}, 1),
        (None, None),
    ],
)
async def test_a_list_that_lies_is_told_and_changes_nothing(
    tmp_path: Path, listed: dict[Key, float] | None, seen: int | None
) -> None:
    async with paused(tmp_path) as place:

        async def read() -> dict[Key, float] | None:
            return listed

        place.services.target.read_resume_points = read  # type: ignore[attr-defined]  # the bench's own target
        result = await place.carry()
        assert (result.seen, result.is_complete) == (seen, True)
        sent = place.writes()
        again = await place.carry()
        assert (again.plan.chosen, place.writes()) == ((), sent)
        assert place.points() == BOTH


@pytest.mark.parametrize("lost", [4, 5])
async def test_a_write_that_stays_unclear_is_given_up_after_five(
    tmp_path: Path, lost: int
) -> None:
    async with paused(tmp_path) as place:
        target, left = place.services.target, [lost]
        add = target.add_resume_point  # type: ignore[attr-defined]  # the bench's own target

        async def unclear(point: Resume) -> None:
            if point.key.media == FILM and left[0]:
                left[0] -= 1
                raise UnknownOutcomeError("Nobody knows.")
            await add(point)

        async def absent(_: Resume) -> None:
            raise NotFoundError("Not there.")

        keep = target.set_resume_point  # type: ignore[attr-defined]  # as above
        target.add_resume_point = unclear  # type: ignore[attr-defined]  # as above
        target.set_resume_point = absent  # type: ignore[attr-defined]  # as above
        before = len(place.clock.slept)
        plan = await place.plan()
        film = replace(
            plan, chosen=tuple(r for r in plan.chosen if r.key.media == FILM)
        )
        result = await carry_playback(place.services, place.prepared, film)
        # Two looks after each but the last of all, some seconds apart.
        assert place.clock.slept[before:] == [5.0] * 8
        assert [why for _, why in result.failed] == (
            ["No clear answer to 5 writes."] if lost == 5 else []
        )
        target.add_resume_point, target.set_resume_point = add, keep  # type: ignore[attr-defined]  # as above
        assert (await place.carry()).is_complete
        assert place.points() == BOTH


async def test_the_list_need_not_be_readable(tmp_path: Path) -> None:
    async with paused(tmp_path) as place:
        spoil(place.world.discovr, Fault.answer(405), "GET", PATH, times=None)
        result = await place.carry()
    assert (result.seen, result.is_complete) == (None, True)


async def test_switched_off_it_asks_nobody(tmp_path: Path) -> None:
    async with paused(tmp_path) as place:
        services = without_playback(place.services)
        asked = len(place.world.trakt.seen)
        assert await plan_playback(services, place.prepared) == PlaybackPlan()
        assert len(place.world.trakt.seen) == asked


async def test_a_foreign_source_without_resume_points_skips_the_step(
    tmp_path: Path,
) -> None:
    class Foreign:
        async def extract(self, on_page: object) -> Any: ...

    async with paused(tmp_path) as place:
        services = place.services
        object.__setattr__(services, "source", Foreign())
        result = await carry_playback(services, place.prepared)
    assert (result.plan, result.is_complete) == (PlaybackPlan(), True)


async def test_a_request_to_stop_is_heeded_between_two_points(tmp_path: Path) -> None:
    stop = Stop()

    def plan(request: web.Request, _number: int) -> None:
        if request.path == PATH:
            stop.request()

    async with paused(tmp_path) as place:
        place.world.discovr.faults = plan
        with pytest.raises(StoppedError, match="1 of 2 resume points"):
            await place.carry(stop)
        assert place.points() == BOTH[:1]
        place.world.discovr.faults = None
        assert (await place.carry()).is_complete
        assert place.points() == BOTH


async def test_reading_costs_one_request_a_page_of_250(tmp_path: Path) -> None:
    async with paused(tmp_path) as place:
        await place.plan()
        assert len(place.world.trakt.requests("GET", "/sync/playback")) == 1
        titles = [t for t in place.world.account.titles if t.kind == "show"]
        episodes = [(t, e) for t in titles for s in t.seasons for e in s.episodes][:260]
        for title, episode in episodes:
            place.world.account.pause(title, 10, NOON, episode)
        await place.plan()
        assert len(place.world.trakt.requests("GET", "/sync/playback")) == 3


async def test_the_sample_says_why_each_point_stays_behind(tmp_path: Path) -> None:
    account = sample_account()
    async with bench(tmp_path, account=account) as place:
        for own in own_entries(account):
            place.world.discovr.person_adds(own.key, progress=own.progress, at=own.at)
        place.prepared = await prepare(place.services)
        result = await place.carry()
        assert [(r.key, r.point.progress) for r in result.written] == [
            (Key(FILM), 43.5),
            (Key(SHOW, 4, 7), 62.0),
        ]
        reasons = {left.point.label: left.reason for left in result.plan.left}
        assert reasons == {
            "The Wire (2002) S03E06": resume.AS_GOOD_AS_SEEN,
            "Anora (2024)": resume.FINISHED_LATER,
            "Our Summer 2009 (home movie) (2009)": NO_ID,
        }


def test_what_ended_the_step_early_is_in_the_document() -> None:
    assert _playback(None) is None
    error = ServiceError("Discovr is down.")
    for one, text in ((None, None), (error, str(error))):
        told = _playback(PlaybackResult(PlaybackPlan(), error=one))
        assert told is not None
        assert told.error == text


async def test_nothing_is_read_where_nobody_wants_resume_points() -> None:
    class Both:
        async def resume_points(self) -> None:
            pytest.fail("it was asked")

        async def add_resume_point(self, _resume: Any) -> None: ...
        async def set_resume_point(self, _resume: Any) -> None: ...
        async def read_resume_points(self) -> None: ...

    history = SimpleNamespace(playback=False)
    services: Any = SimpleNamespace(
        source=Both(), target=Both(), settings=SimpleNamespace(history=history)
    )
    prepared: Any = SimpleNamespace()
    assert await plan_playback(services, prepared) == PlaybackPlan()
