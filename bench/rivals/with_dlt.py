"""dlt: its REST client in a resource, without any destination behind it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import dlt
from dlt.sources.helpers.rest_client import RESTClient
from dlt.sources.helpers.rest_client.paginators import PageNumberPaginator

from bench.rivals.racing import ids_of, race

if TYPE_CHECKING:
    from collections.abc import Iterator


@dlt.resource(name="history")  # type: ignore[untyped-decorator]  # not installed here
def history() -> Iterator[list[dict[str, Any]]]:
    """Yield the pages, to the announced last one."""
    client = RESTClient(sys.argv[1], headers={"trakt-api-version": "2"})
    paginator = PageNumberPaginator(base_page=1, total_path=None)
    yield from client.paginate(
        "/sync/history", params={"limit": 250}, paginator=paginator
    )


race(lambda: ids_of(history))
