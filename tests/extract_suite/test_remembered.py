"""Whether a file is another one than it was."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING

from sync.extract.remembered import _is_another, _stamp

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_of_the_same_size_and_time_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "download.zip"
    path.write_text("one")
    was = _stamp(path)
    assert not _is_another(was)
    assert not _is_another(replace(was, digest="not looked at"))
    os.utime(path, ns=(1, 1))  # touched alone it is the same one
    assert not _is_another(was)
    path.write_text("two")
    assert _is_another(was)
    path.unlink()
    assert not _is_another(was)


def test_a_folder_is_told_by_what_is_inside_whatever_it_says_itself(
    tmp_path: Path,
) -> None:
    path = tmp_path / "download"
    (path / "in").mkdir(parents=True)
    (path / "in" / "a.json").write_text("[]")
    was = _stamp(path)
    assert not _is_another(was)
    (path / "in" / "a.json").write_text("[1]")
    now = _stamp(path)
    assert (now.size, now.changed_ns) == (was.size, was.changed_ns)
    assert _is_another(was)
