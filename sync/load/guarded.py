"""A target that sends nothing more once the profile is lost."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from sync.ports import CheckingTarget, PlaybackTarget, RestoringTarget

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping
    from datetime import datetime

    from sync.domain.entries import Entry
    from sync.domain.plays import Key
    from sync.domain.resume import Resume
    from sync.ports import Target

    Check: TypeAlias = Callable[[], Awaitable[None]]


def guarded(target: Target, check: Check) -> Target:
    """Return a target of which nothing leaves where ``check`` raises."""
    if isinstance(target, CheckingTarget):
        target.check_writes(check)
        return target
    is_restoring = isinstance(target, RestoringTarget)
    if isinstance(target, PlaybackTarget):
        if is_restoring:
            return _GuardedPlaybackAndRestoring(target, check)
        return _GuardedPlayback(target, check)
    return _GuardedRestoring(target, check) if is_restoring else _Guarded(target, check)


class _Guarded:
    """Passes every call on, a write only after the check."""

    def __init__(self, target: Target, check: Check) -> None:
        self._target = target
        self._check = check

    async def open_profile(self) -> str:
        return await self._target.open_profile()

    async def read_history(self, on_page: Callable[[int], None]) -> list[Entry]:
        return await self._target.read_history(on_page)

    async def read_title(self, media: str, season: int | None) -> list[Entry]:
        return await self._target.read_title(media, season)

    async def add(self, key: Key, watched_at: datetime) -> None:
        await self._check()
        await self._target.add(key, watched_at)

    async def set_progress(self, key: Key, progress: int) -> None:
        await self._check()
        await self._target.set_progress(key, progress)

    async def remove(self, key: Key) -> None:
        await self._check()
        await self._target.remove(key)


class _GuardedPlayback(_Guarded):
    """The same for a target that takes resume points."""

    def __init__(self, target: PlaybackTarget, check: Check) -> None:
        super().__init__(target, check)  # type: ignore[arg-type]  # it is both
        self._points = target

    async def add_resume_point(self, resume: Resume) -> None:
        await self._check()
        await self._points.add_resume_point(resume)

    async def set_resume_point(self, resume: Resume) -> None:
        await self._check()
        await self._points.set_resume_point(resume)

    async def read_resume_points(self) -> Mapping[Key, float] | None:
        return await self._points.read_resume_points()


class _GuardedRestoring(_Guarded):
    """The same for a target that takes entries back."""

    async def add_entry(self, entry: Entry) -> None:
        await self._check()
        await self._target.add_entry(entry)  # type: ignore[attr-defined]  # it has it


class _GuardedPlaybackAndRestoring(_GuardedPlayback, _GuardedRestoring):
    """The same for a target that does both."""
