"""As much of PromQL as our rules and panels use, evaluated on samples of our own.

Sides of an operator match by their labels, as Prometheus matches them: that is what no
look at names alone can tell.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

Labels: TypeAlias = frozenset[tuple[str, str]]
#: An instant vector by its labels, without the name of the metric; or a number.
Vector: TypeAlias = "dict[Labels, float]"
Samples: TypeAlias = "Mapping[str, Vector]"

_TOKEN = re.compile(r'\s*([a-z_]\w*|\d+[smhd]|\d+(?:\.\d+)?|"[^"]*"|[<>=!]=|[^\s\w])')
_LEVELS = (("or",), ("and", "unless"), ("==", "!=", "<", "<=", ">", ">="))
_ARITHMETIC = (("+", "-"), ("*", "/"))
_DO: dict[str, Callable[[float, float], float]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}


class MatchError(Exception):
    """An operator whose sides can never match, or match more than once."""


@dataclass(frozen=True)
class World:
    """What Prometheus knows: the samples of now, those of the range's start, the time.

    With ``is_open`` no comparison drops anything: what is empty then is so always.
    """

    now: Samples
    before: Samples
    time_s: float = 0.0
    is_open: bool = False


def evaluate(expression: str, world: World) -> Vector | float:
    """Return what Prometheus would. Raises MatchError for sides that never match."""
    reading = _Reading([*_tokens(expression)], world)
    found = reading.level(0)
    assert not reading.left, f"not understood: {reading.left}"
    return found


def _tokens(expression: str) -> Iterator[str]:
    at = 0
    while at < len(expression.rstrip()):
        token = _TOKEN.match(expression, at)
        assert token, expression[at:]
        yield token[1]
        at = token.end()


class _Reading:
    def __init__(self, tokens: list[str], world: World) -> None:
        self.left = tokens
        self._world = world

    def level(self, number: int) -> Vector | float:
        levels = (*_LEVELS, *_ARITHMETIC)
        if number == len(levels):
            return self._atom()
        found = self.level(number + 1)
        while self.left and self.left[0] in levels[number]:
            name, matching = self.left.pop(0), self._matching()
            found = self._combine(name, found, self.level(number + 1), matching)
        return found

    def _matching(self) -> Callable[[Labels], Labels]:
        if not self.left or self.left[0] not in {"on", "ignoring"}:
            return lambda labels: labels
        is_on, names = self.left.pop(0) == "on", self._between("(", ")")
        return lambda labels: frozenset(
            (name, value) for name, value in labels if (name in names) is is_on
        )

    def _between(self, first: str, last: str) -> list[str]:
        assert self.left.pop(0) == first
        end = self.left.index(last)
        found, self.left = self.left[:end], self.left[end + 1 :]
        return [token for token in found if token != ","]

    def _atom(self) -> Vector | float:
        token = self.left.pop(0)
        if token == "(":
            found = self.level(0)
            assert self.left.pop(0) == ")"
            return found
        if token[0].isdigit():
            return float(token)
        if token == "time":
            assert self._between("(", ")") == []
            return self._world.time_s
        if token in {"absent", "increase"}:
            assert self.left.pop(0) == "("
            found = self._increase() if token == "increase" else self._absent()
            assert self.left.pop(0) == ")"
            return found
        return self._select(token, self._world.now, self._matchers())

    def _absent(self) -> Vector:
        found = self.level(0)
        return {frozenset(): 1.0} if self._world.is_open or not found else {}

    def _increase(self) -> Vector:
        name, matchers = self.left.pop(0), self._matchers()
        assert len(self._between("[", "]")) == 1
        now = self._select(name, self._world.now, matchers)
        before = self._select(name, self._world.before, matchers)
        # A series that was not there before tells of no increase.
        return {k: now[k] - before[k] for k in now if k in before}

    def _matchers(self) -> Labels:
        if not self.left or self.left[0] != "{":
            return frozenset()
        parts = iter(self._between("{", "}"))
        found = {(name, next(parts), next(parts).strip('"')) for name in parts}
        assert all(sign == "=" for _, sign, _ in found)
        return frozenset((name, value) for name, _, value in found)

    def _select(self, name: str, samples: Samples, matchers: Labels) -> Vector:
        return {k: v for k, v in samples.get(name, {}).items() if matchers <= k}

    def _combine(
        self,
        name: str,
        left: Vector | float,
        right: Vector | float,
        matching: Callable[[Labels], Labels],
    ) -> Vector | float:
        if not isinstance(left, dict) and not isinstance(right, dict):
            return float(_DO[name](left, right))
        if not isinstance(right, dict):
            assert isinstance(left, dict)
            pairs = {labels: (value, right) for labels, value in left.items()}
        elif not isinstance(left, dict):
            pairs = {labels: (left, value) for labels, value in right.items()}
        elif name in {"and", "or", "unless"}:
            return self._join(name, left, right, matching)
        else:
            pairs = _pairs(name, left, right, matching)
        return self._each(name, pairs, keeps_right=not isinstance(left, dict))

    def _each(
        self, name: str, pairs: dict[Labels, tuple[float, float]], *, keeps_right: bool
    ) -> Vector:
        if name not in _LEVELS[-1]:
            return {k: _DO[name](*pair) for k, pair in pairs.items()}
        return {
            labels: pair[keeps_right]
            for labels, pair in pairs.items()
            if self._world.is_open or _DO[name](*pair)
        }

    def _join(
        self,
        name: str,
        left: Vector,
        right: Vector,
        matching: Callable[[Labels], Labels],
    ) -> Vector:
        theirs = {*map(matching, right)}
        if self._world.is_open and not theirs & {*map(matching, left)}:
            raise MatchError(f"the sides of {name} never match")
        if name == "or":
            ours = {*map(matching, left)}
            return left | {k: v for k, v in right.items() if matching(k) not in ours}
        is_and = name == "and"
        return {k: v for k, v in left.items() if (matching(k) in theirs) is is_and}


def _pairs(
    name: str, left: Vector, right: Vector, matching: Callable[[Labels], Labels]
) -> dict[Labels, tuple[float, float]]:
    """Match one to one, as arithmetic and comparisons do."""
    theirs = {matching(labels): value for labels, value in right.items()}
    ours = {matching(labels): value for labels, value in left.items()}
    if len(theirs) < len(right) or len(ours) < len(left):
        raise MatchError(f"a side of {name} matches more than once")
    if left and right and not ours.keys() & theirs.keys():
        raise MatchError(f"the sides of {name} never match")
    return {k: (value, theirs[k]) for k, value in ours.items() if k in theirs}
