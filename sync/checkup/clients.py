"""The clients of a check-up: those of a run, but quick, and overheard."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from connectors.http.client import RetryPolicy
from connectors.http.pacing import OpenPacer, RateLimit, read_rate_limit
from connectors.http.retry import http_date
from sync.extras_wiring import ExtrasWiring

if TYPE_CHECKING:
    from datetime import timedelta

    from connectors.auth.tokens import TokenStore
    from connectors.clock import Clock
    from connectors.http.client import HttpClient
    from connectors.http.response import Response

#: A person waits: one more try, and no rest that a service asks for.
QUICK = RetryPolicy(attempts=2, wait_max_s=1.0, longest_pause_s=0.0)
_TIMEOUT_S = 15.0
_RENEWAL = "/oauth/token"


@dataclass(slots=True)
class Heard:
    """What the answers of all services said beside their bodies.

    ``skews`` is how far the clock of a service is ahead of the one here; ``answers``
    holds the last good one to each call, by its label.
    """

    clock: Clock
    skews: dict[str, timedelta] = field(default_factory=dict)
    answers: dict[str, Response] = field(default_factory=dict, repr=False)
    quota: RateLimit | None = None
    has_renewed: bool = False

    def listen(self, answer: Response) -> None:
        """Note what one answer says."""
        date = http_date(answer.headers.get("Date", ""))
        if date is not None:
            self.skews.setdefault(answer.service, date - self.clock.now())
        self.quota = read_rate_limit(answer.headers.get("X-Ratelimit")) or self.quota
        if answer.status < 300:
            self.answers[answer.label] = answer
            self.has_renewed |= _RENEWAL in answer.label

    def records(self, label: str, *path: str) -> list[Any]:
        """Return the list at that place of an answer; a lone object becomes one."""
        found: Any = self.answers[label].json()
        for step in path:
            found = found.get(step) if isinstance(found, dict) else None
        return found if isinstance(found, list) else [found]


class DoctorWiring(ExtrasWiring):
    """Builds the clients, counts their requests and hears their answers."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.heard = Heard(self._clock)
        self._clients: list[HttpClient] = []

    @property
    def store(self) -> TokenStore:
        """Where the logins are kept."""
        return self._store

    @property
    def requests(self) -> dict[str, int]:
        """How many requests were sent so far, by service."""
        sent: dict[str, int] = {}
        for client in self._clients:
            count = sent.get(client.service, 0) + client.stats.requests
            sent[client.service] = count
        return {service: count for service, count in sent.items() if count}

    def _http(self, service: str, url: str, **options: Any) -> HttpClient:
        options["retry"] = QUICK
        options["timeout_s"] = _TIMEOUT_S
        options["on_answer"] = self.heard.listen
        if service == "Trakt":
            # The quota is looked at before each group of requests; the pacer of a run
            # would wait for the next window instead.
            options["pacer"] = OpenPacer(clock=self._clock)
        client = super()._http(service, url, **options)
        self._clients.append(client)
        return client
