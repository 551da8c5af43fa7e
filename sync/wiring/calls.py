"""Holds what a caller hands to a public function against what there is."""

from __future__ import annotations

import difflib
import inspect
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine

P = ParamSpec("P")
T = TypeVar("T")


def takes(
    options: type,
) -> Callable[[Callable[P, Awaitable[T]]], Callable[P, Coroutine[Any, Any, T]]]:
    """Let a call take just these ``options`` beside its own parameters.

    Python hands on whatever it is given where a call has ``**options``: a name that is
    mistyped would be dropped in silence, and another service be written to. So it is a
    TypeError, as it is for any other call. ``help`` names each option.
    """

    def wrap(call: Callable[P, Awaitable[T]]) -> Callable[P, Coroutine[Any, Any, T]]:
        shown = _signature(call, options)
        known = [p.name for p in shown.parameters.values()]

        @wraps(call)
        async def checked(*args: P.args, **given: P.kwargs) -> T:
            for name in given:
                if name not in known:
                    raise TypeError(_words(call.__name__, name, known))
            return await call(*args, **given)

        checked.__signature__ = shown  # type: ignore[attr-defined]
        return checked

    return wrap


def _signature(call: Callable[..., Any], options: type) -> inspect.Signature:
    """Spell the options out, as ``help`` does not look into them."""
    shown = inspect.signature(call)
    own = [p for p in shown.parameters.values() if p.kind is not p.VAR_KEYWORD]
    more = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=getattr(kind, "__forward_arg__", kind),
        )
        for name, kind in options.__annotations__.items()
        if name not in shown.parameters
    ]
    return shown.replace(parameters=[*own, *more])


def _words(call: str, name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    hint = f". Did you mean {near[0]!r}?" if near else ""
    return f"{call}() got an unexpected keyword argument {name!r}{hint}"
