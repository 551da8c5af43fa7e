"""The function in which a mutant differs, as compiled code."""

from __future__ import annotations

import ast
from types import CodeType
from typing import TYPE_CHECKING

from scripts.mutation.mutants import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scripts.mutation.mutants import Mutant

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def function_at(mutant: Mutant) -> tuple[str, int, CodeType] | None:
    """Return the outermost function that changed: its name, first line, and new code.

    None where the change is run when the file is imported: then all that was made
    since of what stands there would have to be made again.
    """
    path = ROOT / mutant.file
    source = path.read_text(encoding="utf-8")
    for number, function in enumerate(_functions(ast.parse(source))):
        last = function.end_lineno or 0
        if function.body[0].lineno <= mutant.line <= last:
            before = list(_codes(compile(source, path, "exec", dont_inherit=True)))
            after = list(
                _codes(compile(mutant.source, path, "exec", dont_inherit=True))
            )
            old, new = before[number], after[number]
            return old.co_qualname, old.co_firstlineno, new
    return None


def _functions(node: ast.AST) -> Iterator[_Function]:
    """Yield the functions of a file and of its classes, in order."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function):
            yield child
        elif isinstance(child, ast.ClassDef | ast.If):
            yield from _functions(child)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """Yield the same functions, compiled."""
    for const in code.co_consts:
        if isinstance(const, CodeType) and not const.co_name.startswith("<"):
            is_class = "__module__" in const.co_names and not const.co_flags & 1
            if is_class:
                yield from _codes(const)
            else:
                yield const
