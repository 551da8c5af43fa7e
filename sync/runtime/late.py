"""Names that few runs need: what they stand for is imported with their first use.

For a file of which many functions need such names. Type checkers and the contract on
imports see the plain import that stands beside it::

    if TYPE_CHECKING:
        from sync.pipeline.undo import rows_to_undo
    else:
        (rows_to_undo,) = late("sync.pipeline.undo", "rows_to_undo")
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

#: All modules that stand for a name somewhere.
_MODULES: set[str] = set()


class Late:
    """Stands for a module, or for what is called or looked into there by a name."""

    def __init__(self, module: str, name: str = "") -> None:
        _MODULES.add(module)
        self._module = module
        self._name = name

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Call it."""
        return self._found()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        """Look into it."""
        return getattr(self._found(), name)

    def _found(self) -> Any:
        module = import_module(self._module)
        return getattr(module, self._name) if self._name else module


def import_all() -> None:
    """Import all of it now.

    Whoever stays for weeks would else meet files of a later version after an update.
    """
    done: set[str] = set()
    while rest := _MODULES - done:
        for module in sorted(rest):
            import_module(module)
        done |= rest


def late(module: str, *names: str) -> list[Late]:
    """Return what stands for these names of the module."""
    return [Late(module, name) for name in names]
