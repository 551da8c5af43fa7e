"""Resume points go one after the other, each noted before it is sent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from connectors.errors import (
    AuthError,
    NotFoundError,
    RejectedError,
    ServiceError,
    UnknownOutcomeError,
)
from sync.domain.plays import Key
from sync.domain.resume import Resume, ResumePoint
from sync.errors import StoppedError
from sync.ledger import Ledger
from sync.pipeline.playback import (
    FACT,
    MOST_SENDS,
    PlaybackPlan,
    PlaybackResult,
    carry_playback,
)
from sync.runtime.stop import Stop
from tests.clocks import FakeClock
from tests.factories import at, film, show

FILM = Resume(Key("MV_501"), ResumePoint(film(), 30.0, at(1)))
EPISODE = Resume(Key("TV_501", 1, 2), ResumePoint(show(), 40.0, at(2), 1, 2))
CUT, TAKEN = UnknownOutcomeError("Cut."), RejectedError("There.", status=409)
NO, NONE = RejectedError("No.", status=422), NotFoundError("None.", status=404)


class Target:
    """Continue Watching, as it is told to answer."""

    def __init__(self, *answers: ServiceError | None, listed: Any = None) -> None:
        self.answers, self.listed = [*answers], listed
        self.sent: list[str] = []
        self.noted: list[bool | None] = []
        self.look: Any = None

    async def _answer(self, what: str, resume: Resume) -> None:
        self.sent.append(what)
        if self.look:
            self.noted.append(await self.look(resume.key.media))
        if self.answers and (error := self.answers.pop(0)):
            raise error

    async def add_resume_point(self, resume: Resume) -> None:
        await self._answer("add", resume)

    async def set_resume_point(self, resume: Resume) -> None:
        await self._answer("set", resume)

    async def read_resume_points(self) -> Any:
        if isinstance(self.listed, ServiceError):
            raise self.listed
        return self.listed

    async def open_profile(self) -> str: ...  # type: ignore[empty-body]
    async def read_history(self, *_: Any) -> Any: ...
    async def read_title(self, *_: Any) -> Any: ...
    async def add(self, *_: Any) -> None: ...
    async def set_progress(self, *_: Any) -> None: ...
    async def remove(self, *_: Any) -> None: ...


async def carry(
    target: Any, *chosen: Resume, known: tuple[str, ...] = (), stop: Stop | None = None
) -> tuple[PlaybackResult, dict[str, Any]]:
    async with await Ledger.open("sqlite://") as ledger:

        async def look(media: str) -> bool | None:
            fact = await ledger.get_fact("p", FACT + media)
            return bool(fact["is_settled"]) if fact else None

        target.look = look
        services: Any = SimpleNamespace(
            target=target, ledger=ledger, clock=FakeClock(), on_event=lambda _: None
        )
        prepared: Any = SimpleNamespace(profile="p")
        plan = PlaybackPlan(chosen, known=frozenset(known))
        result = await carry_playback(services, prepared, plan, stop=stop)
        return result, await ledger.get_facts("p", prefix=FACT)


@pytest.mark.parametrize(
    ("resume", "known", "answers", "sent"),
    [
        (FILM, False, [], ["add"]),
        (EPISODE, False, [], ["add", "set"]),  # only PATCH names an episode
        (FILM, True, [], ["set"]),
        (EPISODE, True, [], ["set"]),
        (FILM, True, [NONE], ["set", "set"]),  # one answer alone never tells
        (FILM, True, [NONE, NONE], ["set", "set", "add"]),
        (FILM, False, [TAKEN], ["add", "set"]),
        (FILM, False, [CUT], ["add", "set"]),
        (FILM, False, [CUT, NONE, NONE], ["add", "set", "set", "add"]),
        (EPISODE, True, [NONE, NONE], ["set", "set", "add", "set"]),
    ],
)
async def test_a_point_is_added_where_there_is_none_and_set_where_there_may_be(
    resume: Resume, answers: list[Any], sent: list[str], *, known: bool
) -> None:
    target = Target(*answers)
    media = (resume.key.media,) if known else ()
    result, facts = await carry(target, resume, known=media)
    assert target.sent == sent
    assert (result.written, result.failed, result.error) == ((resume,), (), None)
    # It is noted before it is sent, and settled once it is there.
    assert target.noted == [False] * len(sent)
    (fact,) = facts.values()
    assert fact["is_settled"] is True
    assert (fact["season"], fact["episode"]) == resume.key[1:]
    assert fact["progress"] == resume.point.progress
    assert fact["paused_at"] == resume.point.paused_at.isoformat()


@pytest.mark.parametrize(
    ("answers", "known", "why"),
    [
        ([NO], False, "No."),
        ([NO], True, "No."),
        ([TAKEN, NONE, NONE], False, "None."),  # it says both: that nobody can mend
        (
            [CUT, NONE, NONE] * MOST_SENDS,
            False,
            f"No clear answer to {MOST_SENDS} writes.",
        ),
    ],
)
async def test_a_point_that_does_not_arrive_stops_no_other(
    answers: list[Any], why: str, *, known: bool
) -> None:
    target = Target(*answers[: 3 * MOST_SENDS - 2])
    media = (FILM.key.media,) if known else ()
    result, facts = await carry(target, FILM, EPISODE, known=media)
    assert result.failed == ((FILM, why),)
    assert result.written == (EPISODE,)
    assert not result.is_complete
    assert facts[FACT + FILM.key.media]["is_settled"] is False


async def test_what_would_meet_each_of_them_ends_it() -> None:
    lost = AuthError("Gone.")
    result, facts = await carry(Target(lost), FILM, EPISODE)
    assert (result.written, result.failed, result.error) == ((), (), lost)
    assert [*facts] == [FACT + FILM.key.media]
    assert not result.is_complete


async def test_asked_to_stop_it_says_how_many_went() -> None:
    stop = Stop()

    class Stopping(Target):
        async def _answer(self, what: str, resume: Resume) -> None:
            stop.request()
            await super()._answer(what, resume)

    target = Stopping()
    with pytest.raises(StoppedError, match="Stopped after 1 of 2 resume points"):
        await carry(target, FILM, EPISODE, stop=stop)
    assert target.sent == ["add"]
    result, _ = await carry(Stopping(), FILM, stop=Stop())
    assert result.is_complete


@pytest.mark.parametrize(
    ("listed", "seen"),
    [
        (None, None),
        (ServiceError("Down."), None),
        ({}, 0),
        ({FILM.key: 30.0, EPISODE.key: 41.0}, 1),
        ({FILM.key: 30.0, EPISODE.key: 40.0}, 2),
    ],
)
async def test_what_is_listed_as_it_was_sent_is_counted(
    listed: Any, seen: int | None
) -> None:
    result, _ = await carry(Target(listed=listed), FILM, EPISODE)
    assert result.seen == seen
    assert result.is_complete
