"""When a run may begin where the last one ended, and when all is read whole."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from sync.domain.watermark import RECONCILE_EVERY, Watermark
from sync.ledger.fact_names import UNDOING
from sync.pipeline import signs
from sync.pipeline.checkpoint import Checkpoint
from sync.pipeline.prepared import Signs
from sync.pipeline.signs import checkpoint_of
from tests.factories import T0


class Account:
    """A source that can tell what changed, as far as anybody asks it."""

    async def extract(self, *_: Any) -> None: ...
    async def stamps(self) -> None: ...
    async def extract_changes(self, *_: Any) -> None: ...


@pytest.mark.parametrize(
    ("mark", "facts", "source", "is_there"),
    [
        ({}, {}, Account(), True),
        ({"source": ""}, {}, Account(), False),  # from before sources were noted
        ({"steering": "other"}, {}, Account(), False),
        ({"reconciled_at": T0 - RECONCILE_EVERY}, {}, Account(), False),
        ({}, {UNDOING: {}}, Account(), False),
        ({}, {}, object(), False),
        (None, {}, Account(), False),
    ],
)
async def test_a_run_goes_on_only_from_what_nothing_speaks_against(
    monkeypatch: pytest.MonkeyPatch,
    mark: dict[str, Any] | None,
    facts: dict[str, Any],
    source: object,
    *,
    is_there: bool,
) -> None:
    known: dict[str, Any] = {
        "source": "trakt",
        "steering": "mine",
        "reconciled_at": T0,
    }
    noted = Watermark(T0, T0, stamps={}, **known | (mark or {}))
    checkpoint = None if mark is None else Checkpoint("p", noted, facts)

    async def recall(*_: Any) -> Checkpoint | None:
        return checkpoint

    monkeypatch.setattr(signs, "recall_checkpoint", recall)
    monkeypatch.setattr(signs, "steering", lambda _: "mine")
    clock = SimpleNamespace(now=lambda: T0)
    services: Any = SimpleNamespace(
        settings=None, ledger=None, source=source, clock=clock
    )
    assert await checkpoint_of(services) is (checkpoint if is_there else None)


@pytest.mark.parametrize(
    "sign",
    ["moved", "unsettled", "has_pauses", "has_new_ids", "is_updated", None],
)
def test_one_sign_is_enough(sign: str | None) -> None:
    quiet: dict[str, Any] = {
        "moved": set(),
        "unsettled": set(),
        "has_pauses": False,
        "has_new_ids": False,
        "is_updated": False,
    }
    source: Any = Account()
    told = {sign: {1} if quiet[sign] == set() else True} if sign else {}
    assert Signs(source, {}, **quiet | told).is_due is bool(sign)
