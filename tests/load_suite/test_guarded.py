"""A target of the caller's own is asked for before each call that writes."""

from __future__ import annotations

import inspect
from typing import Any

import pytest

from sync.ledger import StateError
from sync.load.guarded import guarded
from sync.ports import CheckingTarget, PlaybackTarget, RestoringTarget, Target

READS = {"open_profile", "read_history", "read_title", "read_resume_points"}
WRITES = {
    *("add", "set_progress", "remove", "add_entry"),
    *("add_resume_point", "set_resume_point"),
}


def _methods(*protocols: type) -> set[str]:
    found = {n for p in protocols for n, _ in inspect.getmembers(p, callable)}
    return {name for name in found if not name.startswith("_")}


def _bring(*protocols: type, calls: list[str]) -> Any:
    def method(name: str) -> Any:
        async def call(_self: object, *_args: object) -> str:
            calls.append(name)
            return name

        return call

    names = _methods(*protocols)
    return type("Brought", (), {name: method(name) for name in names})()


async def _arguments(target: Any, name: str) -> Any:
    count = len(inspect.signature(getattr(target, name)).parameters)
    return await getattr(target, name)(*range(count))


def test_every_method_of_a_target_is_one_or_the_other() -> None:
    assert _methods(Target, PlaybackTarget, RestoringTarget) == READS | WRITES


@pytest.mark.parametrize(
    "protocols",
    [
        (Target,),
        (Target, PlaybackTarget),
        (Target, RestoringTarget),
        (Target, PlaybackTarget, RestoringTarget),
    ],
    ids=lambda protocols: "-".join(p.__name__ for p in protocols),
)
@pytest.mark.parametrize("is_held", [True, False])
async def test_no_write_is_passed_on_where_the_check_raises(
    protocols: tuple[type, ...], *, is_held: bool
) -> None:
    calls: list[str] = []

    async def check() -> None:
        calls.append("check")
        if not is_held:
            raise StateError("Lost.")

    target = guarded(_bring(*protocols, calls=calls), check)
    assert isinstance(target, PlaybackTarget) is (PlaybackTarget in protocols)
    assert isinstance(target, RestoringTarget) is (RestoringTarget in protocols)
    for name in sorted(_methods(*protocols)):
        calls.clear()
        if name in READS:
            assert await _arguments(target, name) == name
            assert calls == [name]
        elif is_held:
            await _arguments(target, name)
            assert calls == ["check", name]
        else:
            with pytest.raises(StateError):
                await _arguments(target, name)
            assert calls == ["check"]


def test_a_target_that_asks_by_itself_is_left_to_it() -> None:
    asked: list[object] = []

    class Asking:
        def check_writes(self, check: object) -> None:
            asked.append(check)

    for name in _methods(Target):
        setattr(Asking, name, lambda _self: None)
    target: Any = Asking()

    async def check() -> None: ...

    assert isinstance(target, CheckingTarget)
    assert guarded(target, check) is target
    assert asked == [check]
