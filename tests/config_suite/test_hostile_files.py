"""What the program wrote or was given for itself, spoilt: it is said in words."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from connectors.auth.tokens import TokenStore
from connectors.errors import ConfigError, InputError
from sync.config import load_settings
from sync.pipeline.copy_file import read_copy
from sync.pipeline.plan_file import read_plan
from sync.transform.overrides_file import read_overrides
from tests.hostile import ODD
from tests.long import at_every_length, pick
from tests.pipeline_suite.test_plan_files import save
from tests.restore_suite.copies import as_listed, put_down
from tests.safety.accounts import mixed_account
from tests.safety.arena import arena

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: What decoders themselves stumble over, as JSON and as TOML.
VALUES = pick([v for v in ODD if 10 < len(v) < 600], ODD, ODD)
TEXTS = [v for v in ODD if not v.startswith("{")]


def places(document: Any, way: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Name every field of a document; of a list the first item stands for all."""
    if isinstance(document, list):
        parts: Any = enumerate(document[:1])
    else:
        parts = document.items() if isinstance(document, dict) else ()
    for name, part in parts:
        yield (*way, name)
        yield from places(part, (*way, name))


def spoilt(text: str) -> Iterator[str]:
    """Yield a document with each odd value in each of its fields."""
    document = json.loads(text)
    for *outer, last in places(document):
        holder = document
        for name in outer:
            holder = holder[name]
        before, holder[last] = holder[last], "@@"
        made = json.dumps(document)
        holder[last] = before
        for value in VALUES:
            yield made.replace('"@@"', value)


@at_every_length
async def test_no_field_of_a_plan_or_a_copy_is_a_bug(tmp_path: Path) -> None:
    account, own = mixed_account()
    async with arena(account, tmp_path, own=own) as place:
        plan = tmp_path / "plan.json"
        await save(place, plan)
        copy = put_down(place, as_listed(place.discovr.entries()))
    for file, read in ((plan, read_plan), (copy, read_copy)):
        for text in (*spoilt(file.read_text()), *ODD):
            file.write_text(text, encoding="utf-8")
            with suppress(InputError):
                read(file)


@at_every_length
@pytest.mark.parametrize("value", TEXTS, ids=range(len(TEXTS)))
@pytest.mark.parametrize("section", ["trakt", "history", "other"])
def test_no_value_in_the_config_or_in_the_ids_is_a_bug(
    section: str, value: str, tmp_path: Path
) -> None:
    keys = {"trakt": "concurrency", "history": "since", "other": "x"}
    config, ids = tmp_path / "c.toml", tmp_path / "ids.toml"
    config.write_text(f"[{section}]\n{keys[section]} = {value}\n")
    with suppress(ConfigError):
        load_settings(config, environ={"HOME": str(tmp_path)})
    head = 'format = "trakt2discovr/ids"\nversion = 1\n[[title]]\nkind = "film"\n'
    for key in ("title", "year", "tmdb", "ids"):
        ids.write_text(f"{head}{key} = {value}\n")
        with suppress(InputError):
            read_overrides(ids)


@pytest.mark.parametrize("name", ["[", '{"trakt": ['])
def test_a_token_store_that_no_decoder_takes_is_named(
    name: str, tmp_path: Path
) -> None:
    file = tmp_path / "tokens.json"
    file.write_text(name * 50_000)
    file.chmod(0o600)
    with pytest.raises(ConfigError, match="not what this program wrote"):
        TokenStore(file).load("trakt")
