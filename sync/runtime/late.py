"""Modules that are imported with the first look into them."""

from __future__ import annotations

from importlib import import_module
from typing import Any


class Late:
    """Stands for a module that few runs need; it comes in when a name of it is asked.

    For a module of which many functions need names. Where one does, an import inside
    of it says the same.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return getattr(import_module(self._name), name)
