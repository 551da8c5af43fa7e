"""Structured concurrency that raises the plain error, not a group of one."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, TypeVar, overload

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Awaitable,
        Callable,
        Coroutine,
        Iterable,
    )

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
    async with task_group() as group:
        tasks = [group.create_task(coroutine) for coroutine in work]
    return tuple(task.result() for task in tasks)


async def run_limited(
    limit: int, work: Callable[[T], Awaitable[object]], items: Iterable[T]
) -> None:
    """Do the work for each item, at most ``limit`` at once, in the given order.

    The first error cancels the others.
    """
    slots = asyncio.Semaphore(limit)

    async def one(item: T) -> None:
        try:
            await work(item)
        finally:
            slots.release()

    async with task_group() as group:
        for item in items:
            await slots.acquire()
            group.create_task(one(item))


@asynccontextmanager
async def task_group() -> AsyncIterator[asyncio.TaskGroup]:
    """Open a TaskGroup that raises its first error itself."""
    try:
        async with asyncio.TaskGroup() as group:
            yield group
    except BaseExceptionGroup as failed:
        raise _first(failed) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
