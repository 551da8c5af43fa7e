"""Structured concurrency that raises the plain error, not a group of one."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

T = TypeVar("T")
U = TypeVar("U")


@overload
async def run_all(
    first: Coroutine[Any, Any, T], second: Coroutine[Any, Any, U], /
) -> tuple[T, U]: ...


@overload
async def run_all(*work: Coroutine[Any, Any, T]) -> tuple[T, ...]: ...


async def run_all(*work: Coroutine[Any, Any, Any]) -> tuple[Any, ...]:
    """Run all at once and return their results; the first error cancels the others."""
    try:
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(coroutine) for coroutine in work]
    except BaseExceptionGroup as failed:
        raise _first(failed) from None
    return tuple(task.result() for task in tasks)


async def run_limited(limit: int, work: Iterable[Coroutine[Any, Any, object]]) -> None:
    """Run all, at most ``limit`` at once, started in the given order."""
    slots = asyncio.Semaphore(limit)

    async def one(coroutine: Coroutine[Any, Any, object]) -> None:
        try:
            await coroutine
        finally:
            slots.release()

    try:
        async with asyncio.TaskGroup() as group:
            for coroutine in work:
                await slots.acquire()
                group.create_task(one(coroutine))
    except BaseExceptionGroup as failed:
        raise _first(failed) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
