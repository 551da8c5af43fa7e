"""What is changed: Cosmic Ray's operators, of each the telling ones, and four of ours.

Cosmic Ray turns each comparison into every other one. Here each becomes its contrary
and its neighbour: what notices these two notices the rest, in a third of the time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import parso
from cosmic_ray.plugins import get_operator

if TYPE_CHECKING:
    from collections.abc import Iterator

#: From line and column, to line and column.
Span = tuple[tuple[int, int], tuple[int, int]]

_COMPARISONS = (
    *("Eq_NotEq", "NotEq_Eq", "Is_IsNot", "IsNot_Is"),
    *("Lt_LtE", "Lt_GtE", "LtE_Lt", "LtE_Gt", "Gt_GtE", "Gt_LtE", "GtE_Gt", "GtE_Lt"),
)
_SUMS = (
    *("Add_Sub", "Sub_Add", "Mul_Div", "Div_Mul", "FloorDiv_Mul", "Mod_Mul"),
    *("BitOr_BitAnd", "BitAnd_BitOr", "BitXor_BitAnd"),
)
_OTHERS = (
    *("AddNot", "ReplaceUnaryOperator_Delete_Not", "ReplaceUnaryOperator_USub_UAdd"),
    *("ReplaceTrueWithFalse", "ReplaceFalseWithTrue", "NumberReplacer"),
    *("ReplaceAndWithOr", "ReplaceOrWithAnd", "ZeroIterationForLoop"),
    *("ReplaceBreakWithContinue", "ReplaceContinueWithBreak", "ExceptionReplacer"),
)


class Operator(Protocol):
    """What Cosmic Ray asks of an operator. It may change the node that it gets."""

    def mutation_positions(self, node: Any) -> Iterator[Span]:
        """Yield where the node can be changed, once for each change."""

    def mutate(self, node: Any, index: int, /) -> Any:
        """Return the node with that change."""


class DropOperand:
    """``a and b`` becomes ``b``, and ``a``: a condition of several forgets one."""

    def mutation_positions(self, node: Any) -> Iterator[Span]:
        """Yield where the node can be changed."""
        if node.type in ("and_test", "or_test"):
            for operand in node.children[::2]:
                yield (operand.start_pos, operand.end_pos)

    def mutate(self, node: Any, index: int) -> Any:
        """Return it changed."""
        at = 2 * index
        prefix = node.get_first_leaf().prefix
        del node.children[max(at - 1, 0) : max(at + 1, 2)]
        node.get_first_leaf().prefix = prefix
        return node


class DropCall:
    """``do()`` becomes ``None``: a step is left out."""

    def mutation_positions(self, node: Any) -> Iterator[Span]:
        """Yield where the node can be changed."""
        if node.type != "simple_stmt" or node.children[0].type not in (
            "atom_expr",
            "power",
        ):
            return
        if node.get_last_leaf().get_previous_leaf().value == ")":
            yield (node.start_pos, node.end_pos)

    def mutate(self, node: Any, _index: int) -> Any:
        """Return it changed."""
        prefix = node.get_first_leaf().prefix
        node.children[0] = parso.python.tree.Keyword("None", node.start_pos, prefix)
        return node


class DropFilter:
    """``x for x in y if x.z`` becomes ``x for x in y``."""

    def mutation_positions(self, node: Any) -> Iterator[Span]:
        """Yield where the node can be changed."""
        if node.type == "comp_if":
            yield (node.start_pos, node.end_pos)

    def mutate(self, node: Any, _index: int) -> Any:
        """Return it changed."""
        # Without the node the comprehension would end there: another may follow.
        test = node.children[1]
        node.children[1] = parso.python.tree.Keyword("True", test.start_pos, " ")
        return node


class NegateIn:
    """``in`` becomes ``not in``, and ``not in`` becomes ``in``."""

    def mutation_positions(self, node: Any) -> Iterator[Span]:
        """Yield where the node can be changed."""
        if node.type == "comparison":
            for sign in node.children[1::2]:
                if sign.get_code().split() in (["in"], ["not", "in"]):
                    yield (sign.start_pos, sign.end_pos)

    def mutate(self, node: Any, index: int) -> Any:
        """Return it changed."""
        places = [
            at
            for at, sign in enumerate(node.children)
            if at % 2 and sign.get_code().split() in (["in"], ["not", "in"])
        ]
        sign = node.children[places[index]]
        other = "in" if "not" in sign.get_code().split() else "not in"
        node.children[places[index]] = parso.python.tree.Keyword(
            other, sign.start_pos, " "
        )
        return node


def operators() -> dict[str, Operator]:
    """Return all operators by name."""
    names = (
        *(f"ReplaceComparisonOperator_{pair}" for pair in _COMPARISONS),
        *(f"ReplaceBinaryOperator_{pair}" for pair in _SUMS),
        *_OTHERS,
    )
    found: dict[str, Operator] = {n: get_operator(f"core/{n}")() for n in names}
    ours = (DropOperand, DropCall, DropFilter, NegateIn)
    return found | {operator.__name__: operator() for operator in ours}
