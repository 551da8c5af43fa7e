"""Every place in which the program can be changed, and the program so changed."""

from __future__ import annotations

import ast
import difflib
import random
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code

from scripts.mutation.operators import operators

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from scripts.mutation.operators import Span

ROOT = Path(__file__).resolve().parents[2]
OPERATORS = operators()


@dataclass(frozen=True)
class Mutant:
    """One change of one file: the ``occurrence`` of what an operator can change."""

    file: str
    operator: str
    occurrence: int
    line: int

    @classmethod
    def named(cls, name: str) -> Mutant:
        """Return the mutant of that name."""
        file, line, operator, occurrence = name.split(":")
        return cls(file, operator, int(occurrence), int(line))

    @cached_property
    def source(self) -> str:
        """The file as the change leaves it."""
        code = (ROOT / self.file).read_text(encoding="utf-8")
        changed: str | None = mutate_code(
            code, OPERATORS[self.operator], self.occurrence
        )
        if changed is None:
            raise LookupError(f"{self.name} changes nothing")
        return changed

    @cached_property
    def change(self) -> tuple[str, str]:
        """What stood there and what does now: whole lines, without their indents."""
        before = (ROOT / self.file).read_text(encoding="utf-8").splitlines()
        lines = list(difflib.ndiff(before, self.source.splitlines()))
        return _text(lines, "- "), _text(lines, "+ ")

    @property
    def is_valid(self) -> bool:
        """Whether it is Python still; Cosmic Ray fails at ``except a.B``."""
        try:
            compile(self.source, self.file, "exec", dont_inherit=True)
        except (SyntaxError, AttributeError):
            return False
        return True

    @property
    def module(self) -> str:
        """The name under which the file is imported."""
        return self.file.removesuffix(".py").replace("/", ".")

    @property
    def name(self) -> str:
        """The way to see it again: ``--only`` takes it."""
        return f"{self.file}:{self.line}:{self.operator}:{self.occurrence}"


def _text(lines: Iterable[str], mark: str) -> str:
    return "\n".join(li[2:].strip() for li in lines if li.startswith(mark))


def find_mutants(folders: Iterable[str]) -> Iterator[Mutant]:
    """Yield all changes of all files there, in the same order each time."""
    for folder in folders:
        for path in sorted((ROOT / folder).glob("*.py")):
            if path.name != "__init__.py":
                yield from mutants_of(path.relative_to(ROOT).as_posix())


def sample(mutants: Iterable[Mutant], count: int, seed: int) -> list[Mutant]:
    """Return some of them: the same ones for the same seed."""
    found = list(mutants)
    random.Random(seed).shuffle(found)  # noqa: S311  # repeatable on purpose
    return list(islice((mutant for mutant in found if mutant.is_valid), count))


def mutants_of(file: str) -> Iterator[Mutant]:
    """Yield all changes of one file."""
    code = (ROOT / file).read_text(encoding="utf-8")
    unread = list(_never_run(ast.parse(code)))
    nodes = list(ast_nodes(get_ast(code)))
    for name, operator in OPERATORS.items():
        found = ((n, span) for n in nodes for span in operator.mutation_positions(n))
        for occurrence, (node, (start, end)) in enumerate(found):
            if node.parent is not None and node.parent.type == "parameters":
                continue  # a bare * between parameters is no product
            if not any(low <= start and end <= high for low, high in unread):
                yield Mutant(file, name, occurrence, start[0])


def _never_run(tree: ast.Module) -> Iterator[Span]:
    """Yield what only a reader or a type checker heeds, and how classes are made."""
    for node in ast.walk(tree):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.AnnAssign | ast.arg):
            parts.append(node.annotation)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            parts += [node.returns, *node.decorator_list]
        elif isinstance(node, ast.ClassDef):
            parts += node.decorator_list
        elif isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING":
            parts.append(node)
        for part in parts:
            if isinstance(part, ast.expr | ast.stmt):
                end = (part.end_lineno or 0, part.end_col_offset or 0)
                yield (part.lineno, part.col_offset), end
