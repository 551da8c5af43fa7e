from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sync.domain.plan import Action, Cover, Operation
from sync.domain.plays import Key

AT = datetime(2026, 3, 1, 12, 30, 15, 123456, tzinfo=UTC)
PROFILE = "p-1"


def later(seconds: float) -> datetime:
    return AT + timedelta(seconds=seconds)


def make_operation(
    number: int = 1,
    *,
    action: Action = Action.ADD,
    media: str = "TV_1396",
    progress: int = 100,
    covers: tuple[Cover, ...] = (),
    reason: str = "",
) -> Operation:
    return Operation(
        action=action,
        key=Key(media, 1, None if covers else number),
        watched_at=AT - timedelta(days=400 - number),
        progress=progress,
        covers=covers,
        reason=reason,
    )


def make_operations(count: int) -> list[Operation]:
    return [make_operation(number) for number in range(1, count + 1)]
