"""``[state] url`` of a file means what SQLAlchemy takes it to mean, without it."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.engine import make_url

from connectors.errors import ConfigError
from sync.ledger.address import FileAddress, read_address
from sync.ledger.database import choose_backend
from tests.long import examples

#: A percent sign is told apart below: it means itself in some versions of SQLAlchemy.
_texts = st.text(st.characters(codec="utf-8", exclude_characters="%"), max_size=12)
_urls = st.builds("".join, st.lists(_texts | st.sampled_from("/?&=@:#;+ "), max_size=8))


@examples(60, 200, 3_000)
@given(st.sampled_from(["sqlite:///", "sqlite:////"]), _urls)
def test_an_address_of_a_file_is_read_as_sqlalchemy_reads_it(
    begin: str, rest: str
) -> None:
    expected = make_url(begin + rest)
    found = read_address(begin + rest)
    assert (found.database or "") == (expected.database or "")
    assert dict(found.query) == dict(expected.query)
    if "\n" not in rest:
        assert isinstance(found, FileAddress)


def test_a_file_in_memory_has_no_path() -> None:
    assert read_address("sqlite://") == FileAddress(None, {})


def test_a_space_may_be_written_as_in_any_address() -> None:
    address = read_address("sqlite:///my%20state.db?timeout=%35")
    assert address == FileAddress("my state.db", {"timeout": "5"})


@pytest.mark.parametrize("url", ["", "state.db", "sqlite:state.db"])
def test_what_is_no_address_is_a_value_error(url: str) -> None:
    with pytest.raises(ValueError, match="not an address"):
        read_address(url)


#: Every order of what means something somewhere in an address.
_marks = st.lists(st.sampled_from(["?", "@", "#", "%", "/", ":", "=", "&", "a"]))


@settings(max_examples=300)
@given(
    st.sampled_from(["sqlite:////", "sqlite+pysqlite:////"]),
    st.builds("".join, _marks),
    st.sampled_from(["", "?timeout=5"]),
)
@example("sqlite:////", "data/what?/me@home/state.db", "")
@example("sqlite+pysqlite:////", "data/what?/me@home/state.db", "")
def test_no_part_of_a_path_is_dropped_in_silence(
    begin: str, path: str, options: str
) -> None:
    if "?" in path:
        with pytest.raises(ConfigError, match=r"\[state\] url"):
            choose_backend(begin + path + options)
        return
    backend = choose_backend(begin + path + options)
    assert backend.place == str(Path("/" + unquote(path)))
