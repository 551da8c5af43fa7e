"""No secret gets out of the funnel: not by an error, its context, a repr or a log."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING

import pytest

from connectors.errors import ServiceError
from connectors.http.client import HttpClient, RetryPolicy
from tests.loopback import CUT, SILENCE, Loopback, Reply, reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from connectors.errors import AuthError

CANARY = "c4n4ry"


class Login:
    async def headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {CANARY}"}

    async def renew(self, rejected: Mapping[str, str], refusal: AuthError) -> None:
        """Nothing new."""


def chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize(
    "answer",
    [
        *(
            reply(status, {"error": CANARY}, headers={"X-Canary": CANARY})
            for status in (400, 401, 403, 404, 422, 429, 500, 503)
        ),
        reply(429, headers={"Retry-After": "9999", "X-Canary": CANARY}),
        reply(200, f"<html>{CANARY}".encode()),
        reply(302, headers={"Location": f"http://127.0.0.1:1/{CANARY}?{CANARY}"}),
        reply(302, headers={"Location": f"http://[{CANARY}"}),
        reply(200, CANARY.encode(), length=99, cuts=True),
        Reply(f"{CANARY}\r\n\r\n".encode(), cuts=True),
        Reply(f"HTTP/1.1 200 OK\r\n{CANARY}\0: {CANARY}\r\n\r\n".encode(), cuts=True),
        CUT,
        SILENCE,
    ],
    ids=lambda answer: repr(answer.content[:30]) if isinstance(answer, Reply) else None,
)
async def test_no_secret_is_in_an_error_or_a_log(
    method: str, answer: Reply, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with (
        Loopback([answer]) as server,
        HttpClient(
            "Trakt",
            server.url,
            auth=Login(),
            headers={"trakt-api-key": CANARY},
            retry=RetryPolicy(attempts=1),
            timeout_s=0.2 if answer.stalls else 30,
        ) as client,
    ):
        with pytest.raises(ServiceError) as caught:
            await client.request(
                method,
                f"/device/{CANARY}",
                params={"code": CANARY},
                json={"secret": CANARY},
                label="the poll",
            )
    shown = "".join(traceback.format_exception(caught.value))
    errors = list(chain(caught.value))
    texts = [shown, caplog.text, *map(str, errors), *map(repr, errors)]
    data = [str(vars(error)) for error in errors]
    assert not [text for text in texts + data if CANARY in text]
    assert errors == [caught.value]
    assert "http.request" in {vars(record).get("key") for record in caplog.records}
