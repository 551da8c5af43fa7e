"""Trakt's sign-in calls, which moved to a host of their own in July 2026."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.errors import RejectedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from connectors.http.client import HttpClient, Response

#: How a host says that it does not have that route.
_NO_ROUTE = (404, 405)


class OauthHosts:
    """Asks the sign-in host, or the data host where the first has no such route.

    The first host that knows a route is kept to: from then on a 404 is about what was
    asked for.
    """

    def __init__(self, *hosts: HttpClient) -> None:
        self._hosts = hosts

    async def post(
        self, path: str, body: Mapping[str, str | None], *, expect_json: bool = True
    ) -> Response:
        """Send a call that carries its own credentials; a repeat does no harm.

        Raises a ServiceError, and nothing else.
        """
        host, *others = self._hosts
        try:
            response = await host.request(
                "POST",
                path,
                json=body,
                repeatable=True,
                authorize=False,
                expect_json=expect_json,
            )
        except RejectedError as error:
            if not others or error.status not in _NO_ROUTE:
                self._hosts = (host,)
                raise
        else:
            self._hosts = (host,)
            return response
        self._hosts = tuple(others)
        return await self.post(path, body, expect_json=expect_json)
