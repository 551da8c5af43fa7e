"""The copy of another profile is refused, and the message says what differs."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sync.errors import OtherProfileError
from sync.pipeline.copy_file import Copy
from sync.pipeline.restore import _check_profile
from tests.factories import T0

if TYPE_CHECKING:
    from collections.abc import Callable

HERE, THERE = "https://a.example", "https://b.example"


@pytest.mark.parametrize(
    ("profile", "service", "words"),
    [
        ("p", HERE, None),
        ("q", HERE, "is of the profile q, and this is the profile p:"),
        ("p", THERE, f"the profile p at {THERE}, and this is the profile p at {HERE}:"),
        ("q", THERE, f"the profile q at {THERE}, and this is the profile p at {HERE}:"),
    ],
)
def test_a_copy_of_another_profile_or_service_is_refused_in_words(
    profile: str, service: str, words: str | None
) -> None:
    copy = Copy(T0, service, profile, None, "sync", ())
    services: Any = SimpleNamespace(address=HERE)
    check: Callable[..., None] = _check_profile
    check(services, copy, "p", accepts_other=True)
    if words is None:
        check(services, copy, "p", accepts_other=False)
        return
    with pytest.raises(OtherProfileError, match=words):
        check(services, copy, "p", accepts_other=False)
