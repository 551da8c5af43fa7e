"""A session that answers with whatever it is told, and values that nobody expects."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self, cast

from hypothesis import strategies as st
from multidict import CIMultiDict

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
    from types import TracebackType

    import aiohttp
    from yarl import URL

#: JSON, as it is written, that no field of ours expects.
ODD = (
    r'"cut \ud83d"',
    r'"\udc00 in front"',
    r'"\u0000"',
    '"' + "x" * 5_000 + '"',
    '""',
    '"9999-12-31T23:59:59-23:59"',
    '"9999-12-31T23:59:59.999Z"',
    '"0001-01-01T00:00:00+23:59"',
    '"9999-12-31"',
    '"0001-01-01"',
    "null",
    "true",
    "false",
    "0",
    "-1",
    "1.0",
    "1.5",
    "1e400",
    "-1e400",
    "1e18",
    "NaN",
    "Infinity",
    "-Infinity",
    "253402300799",
    "-62135596800",
    "9223372036854775808",
    "9" * 30,
    "9" * 4_000,
    "9" * 5_000,
    '"' + "9" * 5_000 + '"',
    "[]",
    "{}",
    "[" * 250 + "]" * 250,
    '{"a":' * 250 + "1" + "}" * 250,
    "[" * 20_000 + "]" * 20_000,
    '{"a":1,"a":2}',
)
#: These, and whatever else is JSON.
_VALUES = st.sampled_from(ODD) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=5,
).map(json.dumps)
#: The same for headers; bytes that are no text come as half characters.
ODD_HEADERS = (
    "",
    " ",
    "x",
    "0",
    "-1",
    "1.0",
    "1e400",
    "NaN",
    "9" * 5_000,
    "999999999",
    "٣",
    "²",
    "\udcff\udcfe",
    "Fri, 31 Dec 9999 23:59:59 GMT",
    "Fri, 31 Dec 9999 23:59:59 -2359",
    "Mon, 01 Jan 0001 00:00:00 +2359",
    "Fri, 31 Dec 99999 23:59:59 GMT",
    "Fri, 31 Dec 2020 99:99:99 GMT",
    "Fri, 31 Dec 2020 23:59:59 +999999999999",
    "http://[::1",
    "https://elsewhere.test/x",
    "//",
    "\x00",
    "http://a\udcff.test/",
    '{"name":"GET","period":300,"limit":500,"remaining":0,"until":"9999-12-31T23:59:59-14:00"}',
    '{"name":"GET","period":300,"limit":500,"remaining":0,"until":"0001-01-01T00:00:00+14:00"}',
    '{"name":"GET","period":true,"limit":true,"remaining":-1,"until":1e400}',
    '{"name":"\udcff","period":1,"limit":1}',
    '{"limit":' + "9" * 5_000 + ',"period":1}',
    "[" * 3_000,
)
_MARK = '"@@"'


@dataclass(slots=True)
class Told:
    """What a request is answered with."""

    body: bytes = b"{}"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


class Hostile:
    """Stands in for a session of aiohttp; ``answer`` is asked for each request."""

    def __init__(self, answer: Callable[[str, URL], Told]) -> None:
        self._answer = answer
        self.status = 0
        self.headers: CIMultiDict[str] = CIMultiDict()
        self._body = b""

    @property
    def session(self) -> aiohttp.ClientSession:
        return cast("aiohttp.ClientSession", self)

    def request(self, method: str, url: URL, **_options: Any) -> Self:
        told = self._answer(method, url)
        self.status, self._body = told.status, told.body
        self.headers = CIMultiDict(told.headers)
        return self

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Nothing to release."""

    def close(self) -> None:
        """Nothing to close."""

    @property
    def content(self) -> Self:
        return self

    async def iter_any(self) -> AsyncIterator[bytes]:
        yield self._body


def spoilt(document: Any) -> Iterator[tuple[str, bytes]]:
    """Yield the document with one place after the other taken by each odd value.

    Each comes with the place and the beginning of the value, for messages. A place of
    an object is also given twice, first as it was.
    """
    for place in _places(document):
        text = json.dumps(_put(document, place, "@@"))
        for odd in ODD:
            name = f"{'.'.join(map(str, place))}: {odd[:30]}"
            yield name, text.replace(_MARK, odd).encode()
        if place and isinstance(place[-1], str):
            key = json.dumps(place[-1])
            twice = text.replace(f"{key}: {_MARK}", f"{key}: 1, {key}: {_MARK}")
            yield f"{place}: twice", twice.replace(_MARK, r'"\ud83d"').encode()


@st.composite
def spoilt_at_once(draw: st.DrawFn, document: Any) -> bytes:
    """Draw the document with several places taken by odd values, or cut short."""
    of = st.sampled_from([*_places(document)][1:])
    taken: list[tuple[str | int, ...]] = []
    for place in draw(st.lists(of, min_size=1, max_size=4)):
        if not any(place[: len(p)] == p or p[: len(place)] == place for p in taken):
            document = _put(document, place, f"@@{len(taken)}")
            taken.append(place)
    text = json.dumps(document)
    for number in range(len(taken)):
        text = text.replace(f'"@@{number}"', draw(_VALUES))
    body = text.encode()
    return body[: draw(st.none() | st.integers(0, len(body)))]


def _places(document: Any) -> Iterator[tuple[str | int, ...]]:
    yield ()
    if isinstance(document, dict):
        steps: Any = document.items()
    elif isinstance(document, list):
        steps = enumerate(document)
    else:
        return
    for step, part in steps:
        for place in _places(part):
            yield (step, *place)


def _put(document: Any, place: tuple[str | int, ...], value: Any) -> Any:
    if not place:
        return value
    rest = place[1:]
    step: Any = place[0]
    whole = list(document) if isinstance(document, list) else dict(document)
    whole[step] = _put(document[step], rest, value)
    return whole


def put_each(
    document: Any, old: Any, values: Iterable[Any]
) -> Iterator[tuple[str, Any]]:
    """Yield the document with each value in each place of the old one, by place."""
    for value in values:
        for place in _places(document):
            if _at(document, place) == old:
                yield ".".join(map(str, place)), _put(document, place, value)


def _at(document: Any, place: Iterable[str | int]) -> Any:
    for step in place:
        document = document[step]
    return document
