"""What ends a run: counted anew here, answer by answer, and compared."""

from __future__ import annotations

from itertools import takewhile

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from connectors.errors import (
    AuthError,
    RateLimitedError,
    ServiceError,
    UnknownOutcomeError,
)
from sync.load.breaker import Breaker, RefusingServiceError
from tests.load_suite.test_load import add

#: An answer: taken, unclear, or refused with that status; and the number of the write.
answers = st.tuples(
    st.sampled_from(["taken", "unclear", "blocked", 403, 402, 404, 422, None]),
    st.integers(1, 30),
)
KNOWN = {add(number).id for number in range(20, 31)}


def give(breaker: Breaker, kind: str | int | None, number: int) -> ServiceError | None:
    if kind == "taken":
        breaker.arrived()
        return None
    if kind == "unclear":
        return breaker.unclear(add(number), UnknownOutcomeError("Who knows."))
    if kind == "blocked":
        return breaker.refused(add(number), RateLimitedError("No way.", status=403))
    return breaker.refused(add(number), ServiceError("No.", status=kind))  # type: ignore[arg-type]  # a status, or none


def is_over(told: list[tuple[str | int | None, int]]) -> bool:
    """Say whether the last of these answers ends the run."""
    kind, _ = told[-1]
    if kind == "taken":
        return False
    since = told[::-1]
    # Since the last arrival, and since the last refusal that is about one title.
    alive = list(takewhile(lambda one: one[0] != "taken", since))
    if kind in (404, 422, None):
        new = [n for k, n in alive if k in (404, 422, None) and add(n).id not in KNOWN]
        return len(new) >= 25
    run = list(takewhile(lambda one: one[0] not in (404, 422, None), alive))
    if kind == "unclear":
        unclear = [n for k, n in run if k == "unclear"]
        return len(unclear) >= 8 and len({*unclear}) > 1
    if kind == "blocked":
        blocked = {n for k, n in run if k == "blocked" and add(n).id not in KNOWN}
        return len(blocked) >= 5
    return sum(k in (402, 403) for k, _ in run) >= 5


@example([("blocked", number) for number in range(19, 25)])
@given(st.lists(answers, max_size=60))
def test_a_breaker_ends_a_run_where_a_count_of_all_answers_does(
    told: list[tuple[str | int | None, int]],
) -> None:
    breaker = Breaker(KNOWN)
    for number, (kind, write) in enumerate(told, 1):
        ended = give(breaker, kind, write)
        assert bool(ended) is is_over(told[:number]), told[:number]
        if ended:
            break


@pytest.mark.parametrize(
    ("told", "kind", "words"),
    [
        ([402] * 5, RefusingServiceError, "refused 5 writes in a row (status 402)"),
        ([403] * 5, AuthError, "5 writes in a row were refused (status 403)"),
        ([404] * 25, RefusingServiceError, "refused 25 writes in a row (status 404)"),
        ([None, *[404] * 24], RefusingServiceError, "(status 404)"),
        ([None] * 25, RefusingServiceError, "refused 25 writes in a row, so"),
        (["unclear"] * 8, RefusingServiceError, "no clear answer to 8 writes"),
        (["blocked"] * 5, RateLimitedError, "No way."),
    ],
)
def test_an_end_says_what_it_was(
    told: list[str | int | None], kind: type[ServiceError], words: str
) -> None:
    breaker = Breaker()
    *before, last = [give(breaker, one, n) for n, one in enumerate(told, 1)]
    assert before == [None] * len(before)
    assert isinstance(last, kind)
    assert words in str(last)


@pytest.mark.parametrize(
    ("told", "end"),
    [
        ([403, 403], AuthError),
        ([403], None),
        ([402, 402], None),
        ([403, 402], None),
        ([403, 403, 404], None),
        ([404, 403, 403], None),
        (["taken", 403, 403], None),
        ([403, 403, "taken"], None),
        ([403, "unclear", 403], AuthError),
        (["blocked"], None),
        (["blocked", "blocked"], RateLimitedError),
        (["blocked", "unclear", "blocked"], RateLimitedError),
        (["blocked", "blocked", 404], None),
        (["taken", "blocked", "blocked"], None),
        ([], None),
    ],
)
def test_at_the_end_it_is_the_login_or_a_block_where_nothing_was_allowed(
    told: list[str | int | None], end: type[ServiceError] | None
) -> None:
    breaker = Breaker()
    for number, kind in enumerate(told, 1):
        assert give(breaker, kind, number) is None
    assert type(breaker.verdict()) is (end or type(None))
