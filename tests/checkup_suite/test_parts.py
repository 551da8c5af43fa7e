"""The doctor notices when ``sync`` or ``connectors`` is somebody else's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import connectors
import sync
from sync.checkup.findings import Verdict
from sync.checkup.parts import check_parts

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

PARTS = (sync, connectors)


def test_nothing_is_said_where_all_is_ours(tmp_path: Path) -> None:
    assert list(check_parts(tmp_path)) == []


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
def test_an_overwritten_package_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: ModuleType
) -> None:
    monkeypatch.delattr(part, "PROJECT")
    (finding,) = check_parts(tmp_path)
    assert finding.verdict is Verdict.PROBLEM
    assert part.__name__ in finding.text
    assert f"pip uninstall {part.__name__}" in (finding.remedy or "")


@pytest.mark.parametrize("part", PARTS, ids=lambda part: part.__name__)
@pytest.mark.parametrize("is_package", [True, False])
def test_a_folder_that_hides_ours_is_a_warning(
    tmp_path: Path, part: ModuleType, *, is_package: bool
) -> None:
    other = tmp_path / f"{part.__name__}.py"
    if is_package:
        other = tmp_path / part.__name__ / "__init__.py"
        other.parent.mkdir()
    other.touch()
    (finding,) = check_parts(tmp_path)
    assert finding.verdict is Verdict.WARNING
    assert str(other) in finding.text


def test_a_checkout_and_a_plain_folder_hide_nothing(tmp_path: Path) -> None:
    (tmp_path / "sync").mkdir()
    (tmp_path / "connectors").mkdir()
    (tmp_path / "connectors" / "__init__.py").write_text('PROJECT = "trakt2discovr"\n')
    assert list(check_parts(tmp_path)) == []
