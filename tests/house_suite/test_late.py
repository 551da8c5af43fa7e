"""Names that are imported with their first use."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from connectors.errors import ConfigError
from sync.cli.app import app
from sync.runtime.late import Late, import_all, late


def test_a_name_is_called_and_looked_into_as_if_it_had_been_imported() -> None:
    (count, table) = late("collections", "Counter", "OrderedDict")
    assert count("aab")["a"] == 2
    assert table.fromkeys("ab") == {"a": None, "b": None}
    assert Late("math").floor(1.5) == 1
    with pytest.raises(AttributeError, match="no attribute"):
        late("math", "flour")[0](1)


def test_who_stays_has_all_of_it_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    monkeypatch.setattr("sync.runtime.late.import_module", asked.append)
    monkeypatch.setattr("sync.runtime.late._MODULES", set())
    late("first.module", "one", "two")
    Late("second.module")
    import_all()
    assert asked == ["first.module", "second.module"]


def test_the_job_that_stays_brings_all_of_it_in_before_it_begins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse() -> None:
        raise ConfigError("All of it was asked for.")

    monkeypatch.setattr("sync.cli.commands.sync.import_all", refuse)
    done = CliRunner().invoke(app, ["sync", "--every", "1h"])
    assert done.exit_code == 2
    assert "All of it was asked for." in done.stderr
