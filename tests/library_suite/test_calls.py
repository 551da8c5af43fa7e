"""What a call does not know, or cannot do at once, it refuses before anything opens."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import pytest

import trakt2discovr
from connectors.errors import ConfigError
from sync.config import Settings
from sync.wiring.options import Options

CALLS = [
    name
    for name in trakt2discovr.__all__
    if inspect.isfunction(getattr(trakt2discovr, name))
]
#: Those that read from a source and write to a target.
RUNS = [
    name
    for name in CALLS
    if inspect.signature(getattr(trakt2discovr, name)).parameters.keys()
    >= Options.__annotations__.keys()
]


class Both:
    """A source and a target in one, which nobody may ask."""

    def __getattr__(self, name: str) -> Any:
        if name in {"name", "label"}:
            raise AttributeError(name)
        return self._ask

    def _ask(self, *_: object) -> None:
        pytest.fail("it was asked")


def test_every_call_is_tried() -> None:
    assert {"migrate", "sync", "plan", "apply", "verify", "undo", "restore"} <= {*RUNS}
    assert {"examine", "read_report", "render_html", "unmatched"} <= {*CALLS} - {*RUNS}


def _given(name: str) -> dict[str, Any]:
    """Return something for each parameter that a call cannot do without."""
    parameters = inspect.signature(getattr(trakt2discovr, name)).parameters.values()
    return {p.name: None for p in parameters if p.default is p.empty}


@pytest.mark.parametrize("name", CALLS)
async def test_a_mistyped_keyword_is_a_type_error_that_names_it(name: str) -> None:
    call = getattr(trakt2discovr, name)
    known = inspect.signature(call).parameters
    wrong = {word[:-2] + word[-1] for word in known} | {"anything"}
    for word in sorted(wrong - known.keys()):
        with pytest.raises(TypeError, match=f"{name}.*unexpected.*'{word}'"):
            await call(**_given(name), **{word: object()})


async def test_the_name_that_was_meant_is_said() -> None:
    options: dict[str, Any] = {"sorce": Both()}
    with pytest.raises(TypeError, match="Did you mean 'source'"):
        await trakt2discovr.migrate(Settings(), **options)


@pytest.mark.parametrize("name", [n for n in RUNS if n not in {"apply", "restore"}])
async def test_files_and_a_source_exclude_each_other(name: str) -> None:
    with pytest.raises(ConfigError, match="files and a source") as caught:
        await getattr(trakt2discovr, name)(
            Settings(), source=Both(), target=Both(), files=[Path("export.zip")]
        )
    assert "Leave one of them out" in caught.value.remedy


@pytest.mark.parametrize("name", ["migrate", "undo"])
async def test_none_is_the_same_as_nothing(tmp_path: Path, name: str) -> None:
    nothing = dict.fromkeys(Options.__annotations__)
    url = f"sqlite:///{tmp_path / 'state.sqlite3'}"
    settings = Settings.model_validate({"state": {"url": url}})
    for options in (nothing, {}):
        with pytest.raises(ConfigError, match=r"(client_id|profile) is not set"):
            await getattr(trakt2discovr, name)(settings, **options)
