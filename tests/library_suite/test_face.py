"""The library's face: one list of names, two packages, and no other one in between."""

from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, assert_type

import pytest

import sync
import trakt2discovr
from sync.wiring.options import Options

if TYPE_CHECKING:
    from types import ModuleType

CALLS = ("migrate", "sync", "plan", "apply", "verify", "undo")
ROOT = Path(sync.__file__).parents[1]


@pytest.mark.parametrize("name", sync.__all__)
def test_every_name_is_there_in_both_packages(name: str) -> None:
    assert getattr(trakt2discovr, name) is getattr(sync, name)
    assert name in dir(trakt2discovr)
    assert name in dir(sync)


def test_type_checkers_are_told_the_same_names() -> None:
    tree = ast.parse(Path(sync.__file__).read_text(encoding="utf-8"))
    block, _ = [node for node in tree.body if isinstance(node, ast.If)]
    told = {
        alias.name: node.module
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert told == sync._HOMES
    assert sorted(told) == sorted(sync.__all__)


def _told(package: ModuleType) -> list[str]:
    """Read the list of names as an editor does, which runs nothing."""
    tree = ast.parse(Path(str(package.__file__)).read_text(encoding="utf-8"))
    (names,) = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.targets[0], ast.Name)
        and node.targets[0].id == "__all__"
    ]
    return [*names]


def test_editors_are_told_the_same_names_without_running_anything() -> None:
    assert _told(trakt2discovr) == _told(sync) == sync.__all__ == trakt2discovr.__all__


def test_type_checkers_know_each_name_and_no_other() -> None:
    """The check of types is the test; here it only has to run."""
    assert_type(trakt2discovr.UNKNOWN_DATE, datetime)
    assert_type(trakt2discovr.ServiceError("It is so.").exit_code, int)
    assert_type(sync.Key("MV_1").media, str)
    for package in (sync, trakt2discovr):
        assert not hasattr(package, "nothing")
    with pytest.raises(AttributeError):
        _ = trakt2discovr.nothing  # type: ignore[attr-defined]  # a checker must say so
    with pytest.raises(AttributeError):
        _ = sync.nothing  # type: ignore[attr-defined]


def test_a_name_that_is_not_there_is_an_attribute_error() -> None:
    for package in (sync, trakt2discovr):
        with pytest.raises(AttributeError, match="no attribute 'nothing'"):
            getattr(package, "nothing")  # noqa: B009  # the very call is the test


@pytest.mark.parametrize("name", CALLS)
def test_help_names_every_option(name: str) -> None:
    call = getattr(trakt2discovr, name)
    shown = inspect.signature(call).parameters
    assert shown.keys() >= Options.__annotations__.keys()
    assert "options" not in shown


@pytest.mark.parametrize("part", ["sync", "connectors"])
@pytest.mark.parametrize("shape", ["file", "package", "folder"])
def test_a_part_that_is_not_ours_is_named(
    tmp_path: Path, part: str, shape: str
) -> None:
    place = tmp_path / part
    if shape == "file":
        place.with_suffix(".py").touch()
    else:
        place.mkdir()
        if shape == "package":
            (place / "__init__.py").touch()
    done = _import_from(tmp_path)
    # A plain folder hides nothing: Python prefers the package that it finds later.
    if shape == "folder":
        assert done.returncode == 0, done.stderr
        return
    assert done.returncode == 1
    assert f"The package '{part}' at {place}" in done.stderr
    assert "Rename that file or folder" in done.stderr


def test_both_ways_to_run_it_do_the_same(tmp_path: Path) -> None:
    said = [
        subprocess.run(  # noqa: S603  # ourselves
            [sys.executable, "-m", name, "--version"],
            capture_output=True,
            check=True,
            cwd=tmp_path,
            env={"PYTHONPATH": str(ROOT)},
        ).stdout
        for name in ("sync", "trakt2discovr")
    ]
    assert said[0] == said[1]
    assert said[0]


def _import_from(folder: Path) -> subprocess.CompletedProcess[str]:
    """Import the library as a script in that folder would."""
    return subprocess.run(
        [sys.executable, "-c", "import trakt2discovr; trakt2discovr.Play"],
        capture_output=True,
        check=False,
        text=True,
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
    )
