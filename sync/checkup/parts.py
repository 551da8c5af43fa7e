"""Whether the packages of this program are its own: their names are common ones."""

from __future__ import annotations

from importlib import import_module
from importlib.machinery import PathFinder
from pathlib import Path
from typing import TYPE_CHECKING

from sync.checkup.findings import Finding, problem, warning
from sync.config import APP as PROJECT

if TYPE_CHECKING:
    from collections.abc import Iterator

CHECK = "packages"
_PARTS = ("sync", "connectors")


def check_parts(folder: Path) -> Iterator[Finding]:
    """Name a package that is not ours, installed or in ``folder``; else say nothing."""
    for name in _PARTS:
        part = import_module(name)
        if getattr(part, "PROJECT", None) != PROJECT:
            yield problem(
                CHECK,
                f"the package {name!r} at {part.__file__} was overwritten by another "
                "one of that name",
                f"Run: pip uninstall {name}, then: pip install --force-reinstall "
                f"{PROJECT}",
            )
        elif other := _other_one(name, folder):
            yield warning(
                CHECK,
                f"{other} hides the package {name!r} of {PROJECT} from scripts that "
                "run in this folder",
                f"Rename it, or run scripts that import {PROJECT} from elsewhere.",
            )


def _other_one(name: str, folder: Path) -> Path | None:
    """Return what Python would import from the folder under that name, if not ours."""
    spec = PathFinder.find_spec(name, [str(folder)])
    if spec is None or spec.origin is None:
        return None
    file = Path(spec.origin)
    text = file.read_bytes() if file.suffix == ".py" else b""
    return None if f'PROJECT = "{PROJECT}"'.encode() in text else file
