"""Every regular expression reads a text in time that grows with its length.

While one is matched nothing else runs: no time limit, no signal. Each pattern is found
in the modules themselves, and tried in the ways in which it is used there.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import time
from collections import deque
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

import connectors
import sync

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    Tree = Iterable[tuple[Any, Any]]

#: How Python takes a pattern apart.
_parser: Any = importlib.import_module("re._parser")

#: In which a pattern may be used, by the name of the call.
WAYS = {
    "match": "match",
    "fullmatch": "fullmatch",
    "search": "search",
    "finditer": "finditer",
    "findall": "finditer",
    "sub": "finditer",
    "subn": "finditer",
    "split": "finditer",
}
#: What a class of characters may hold, beside what the pattern names.
SAMPLES = "a0 Z_-.:/\n\u00e9\x00"
#: What no pattern ends with, or hardly any.
TAILS = ("", "\x00", "\n!")
#: So long are the texts, one after the other: what doubles with each character is seen
#: before it takes years.
LENGTHS = (16, 24, 32, 45, 64, 90, 128, 180, 256, 512, 2_000, 8_000, 30_000)
#: Seconds of the processor: ten times what any of them takes, and a third of what one
#: takes whose time grows with the square of the length.
MOST_S = 0.15
CATEGORIES = {"DIGIT": r"\d", "SPACE": r"\s", "WORD": r"\w"}


class Used(NamedTuple):
    """A pattern, and the ways in which it is used."""

    pattern: re.Pattern[Any]
    ways: frozenset[str]


ROOMS = [
    f"{package.__name__}.{module.name}"
    for package in (connectors, sync)
    for module in pkgutil.iter_modules(package.__path__)
    if module.name != "__main__"
]


def modules(room: str) -> Iterator[str]:
    yield room
    for module in pkgutil.walk_packages(
        getattr(importlib.import_module(room), "__path__", ()), f"{room}."
    ):
        if not module.name.endswith(".env"):  # which is run by the migrations alone
            yield module.name


def calls(tree: ast.AST) -> Iterator[tuple[str, str, ast.Call]]:
    """Yield each call of a method: of what, of which, and itself."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            of = node.func.value
            name = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
            yield name, node.func.attr, node


def held(value: object) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from held(part)
    elif isinstance(value, (list, tuple)):
        for part in value:
            yield from held(part)


def find_patterns(room: str) -> dict[str, Used]:
    """Find what modules hold, and what their functions write down as it is needed."""
    found: dict[str, Used] = {}
    for name in modules(room):
        module = importlib.import_module(name)
        tree = ast.parse(Path(module.__file__ or "").read_text(encoding="utf-8"))
        used: dict[str, set[str]] = {}
        for of, way, _ in calls(tree):
            if way in WAYS:
                used.setdefault(of, set()).add(WAYS[way])
        for own, value in vars(module).items():
            for number, pattern in enumerate(held(value)):
                ways = used.get(own) or {*WAYS.values()}
                found[f"{name}.{own}.{number}"] = Used(pattern, frozenset(ways))
        for function in ast.walk(tree):
            if isinstance(function, ast.FunctionDef):
                found |= {
                    f"{name}:{call.lineno}": used_there
                    for of, way, call in calls(function)
                    if of == "re" and (used_there := written(way, call))
                }
    return found


def written(way: str, call: ast.Call) -> Used | None:
    """Return a pattern that a call writes down, with a word for each name in it."""
    node = call.args[0] if call.args else None
    if isinstance(node, ast.JoinedStr):
        parts = [
            p.value if isinstance(p, ast.Constant) else "word" for p in node.values
        ]
    elif isinstance(node, ast.Constant):
        parts = [node.value]
    else:
        return None
    flags = re.NOFLAG
    for part in ast.walk(call):
        if isinstance(part, ast.Attribute) and part.attr.isupper():
            flags |= re.RegexFlag[part.attr]
    if way != "compile" and way not in WAYS:
        return None
    pattern = re.compile("".join(map(str, parts)), flags)
    return Used(pattern, frozenset({WAYS.get(way, "finditer")}))


class Text(NamedTuple):
    """A text of any length: a beginning, what comes again and again, and an end."""

    start: str
    unit: str
    tail: str

    def of(self, length: int) -> str:
        return self.start + self.unit * (length // len(self.unit)) + self.tail


class Pump:
    """Makes texts of a pattern that are long where it repeats something."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self._tree = _parser.parse(pattern.pattern, pattern.flags)
        self._groups: dict[int, str] = {}
        literals = dict.fromkeys(chr(c) for c in self._literals(self._tree))
        self._alphabet = [*literals, *(c for c in SAMPLES if c not in literals)]

    def texts(self) -> Iterator[Text]:
        """Yield beginnings that match, with a repeated part and an end that fails."""
        found: dict[tuple[str, str], None] = {}
        for before, units in self._repeats(self._tree, ""):
            found |= dict.fromkeys((before, unit) for unit in units)
            found |= dict.fromkeys(("", before + unit) for unit in ("", *units))
        for start, unit in found:
            if unit:
                yield from (Text(start, unit, tail) for tail in TAILS)

    def _literals(self, tree: Tree) -> Iterator[int]:
        for name, value in tree:
            if str(name) in {"LITERAL", "NOT_LITERAL"}:
                yield value
            elif str(name) == "IN":
                yield from self._literals(value)
            else:
                for part in self._parts(value):
                    yield from self._literals(part)

    def _parts(self, value: Any) -> Iterator[Tree]:
        """Yield the patterns inside a part of one, however deep."""
        if isinstance(value, _parser.SubPattern):
            yield value
        elif isinstance(value, (tuple, list)):
            for part in value:
                yield from self._parts(part)

    def _repeats(self, tree: Tree, before: str) -> Iterator[tuple[str, list[str]]]:
        """Yield each part that repeats: what matches before it, and what it may be."""
        for name, value in tree:
            if "REPEAT" in str(name) and value[1] > 1:
                yield before, self._units(value[2])
            for part in self._parts(value):
                yield from self._repeats(part, before)
            before += self._shortest([(name, value)])

    def _units(self, tree: Tree) -> list[str]:
        """Return some of what a repeated part may be, each kind of character once."""
        options = [self._options(name, value) for name, value in tree]
        if len(options) == 1:
            return list(dict.fromkeys(options[0]))
        some = product(*(of[:4] or [""] for of in options[:3]))
        return list(dict.fromkeys("".join(parts) for parts in some))[:24]

    def _options(self, name: Any, value: Any) -> list[str]:
        parts = [*self._parts(value)]
        if not parts:
            return [c for c in self._alphabet if self._holds(str(name), value, c)]
        units = [unit for part in parts for unit in self._units(part)]
        return [*units, *(unit * 2 for unit in units[:4])]

    def _shortest(self, tree: Tree) -> str:
        """Return about the shortest text that matches."""
        text = ""
        for name, value in tree:
            kind = str(name)
            if kind == "SUBPATTERN":
                part = self._shortest(value[-1])
                self._groups[value[0] or 0] = part
            elif kind == "GROUPREF":
                part = self._groups.get(value, "")
            elif "REPEAT" in kind:
                part = self._shortest(value[2]) * value[0]
            elif kind == "BRANCH":
                part = min(map(self._shortest, value[1]), key=len)
            elif kind == "ATOMIC_GROUP":
                part = self._shortest(value)
            elif kind in {"AT", "ASSERT", "ASSERT_NOT"}:
                part = ""
            else:
                part = next(
                    (c for c in self._alphabet if self._holds(kind, value, c)), ""
                )
            text += part
        return text

    def _holds(self, kind: str, value: Any, char: str) -> bool:
        if kind == "IN":
            is_negated = bool(value) and str(value[0][0]) == "NEGATE"
            held = any(self._holds(str(n), v, char) for n, v in value)
            return held != is_negated
        if kind == "CATEGORY":
            name = str(value).removeprefix("CATEGORY_")
            kind = CATEGORIES[name.removeprefix("NOT_")]
            return bool(re.fullmatch(kind, char)) != name.startswith("NOT_")
        if kind == "RANGE":
            return bool(value[0] <= ord(char) <= value[1])
        if kind == "LITERAL":
            return bool(ord(char) == value)
        return kind == "ANY" or (kind == "NOT_LITERAL" and bool(ord(char) != value))


def is_slow(used: Used, text: str) -> bool:
    """Whether it takes long three times: once may be the collecting of garbage.

    No other program counts, however busy the machine is.
    """
    data = text.encode() if isinstance(used.pattern.pattern, bytes) else text

    def seconds(way: str) -> float:
        began = time.thread_time()
        found = getattr(used.pattern, way)(data)
        if way == "finditer":
            deque(found, maxlen=0)
        return time.thread_time() - began

    return any(all(seconds(way) > MOST_S for _ in range(3)) for way in used.ways)


def find_slow(used: Used) -> Text | None:
    """Return a text for which it takes a time that grows faster than the text."""
    for text in Pump(used.pattern).texts():
        if any(is_slow(used, text.of(length)) for length in LENGTHS):
            return text
    return None


@pytest.mark.parametrize("room", ROOMS)
def test_what_a_pattern_takes_grows_with_the_text(room: str) -> None:
    slow = {name: find_slow(used) for name, used in find_patterns(room).items()}
    assert not {name: text for name, text in slow.items() if text}


def test_the_patterns_of_a_room_are_found() -> None:
    found = find_patterns("connectors.trakt")
    trakt = "connectors.trakt"
    assert found[f"{trakt}.times._TIME.0"].ways == {"fullmatch"}
    assert found[f"{trakt}.export.names._SAID.1"].ways == {*WAYS.values()}
    assert any(name.startswith(f"{trakt}.export.facts:") for name in found)


@pytest.mark.parametrize(
    "pattern",
    ["a+b", r"x\s*y?\s*z", "(a+)+b", r'"(?:[^"\\]++|\\.)*+"', r"a(?:-\S+ )*c"],
)
def test_a_pattern_that_is_slow_is_found(pattern: str) -> None:
    assert find_slow(Used(re.compile(pattern), frozenset({"search"})))
