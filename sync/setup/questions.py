"""What has to be known before the first run, and where each key is made.

The addresses are those that the services document. Where none is documented, that is
said: a wrong one costs more than none.
"""

from __future__ import annotations

from dataclasses import dataclass

DOWNLOAD, ACCOUNT = "download", "account"
SOURCE, FILES = "source", "files"
TRAKT_ID, TRAKT_SECRET = "trakt.client_id", "trakt.client_secret"
DISCOVR_ID, TMDB_KEY = "discovr.client_id", "tmdb.api_key"
SECRETS = frozenset({TRAKT_SECRET, TMDB_KEY})


@dataclass(frozen=True, slots=True)
class Question:
    """One thing to know; ``where`` says where the answer comes from.

    ``source`` says with which source it is asked, None for both.
    """

    key: str
    text: str
    where: str
    choices: tuple[str, ...] = ()
    source: str | None = None
    is_optional: bool = False

    @property
    def is_key(self) -> bool:
        """Whether it is one of the keys, which nobody should see typed."""
        return "." in self.key

    @property
    def setting(self) -> str:
        """What it is called in the config: ``[trakt] client_id``."""
        section, _, key = self.key.partition(".")
        return f"[{section}] {key}" if key else section

    @property
    def variable(self) -> str:
        """The variable of the environment that answers it."""
        return f"TRAKT2DISCOVR_{self.key.upper().replace('.', '__')}"


QUESTIONS = (
    Question(
        SOURCE,
        "What do you come with?",
        "download: a file that Trakt makes of your account. Every account can, also a "
        "free one.\n"
        "account: Trakt's API, which it keeps for paying members since July 2026. It "
        "keeps Discovr in step later, by itself.",
        choices=(DOWNLOAD, ACCOUNT),
    ),
    Question(
        FILES,
        "Where is the download?",
        "Open Trakt's settings in a browser, choose Data, and export it. No address of "
        "that page is documented. The file is named like trakt-export-me.zip; leave it "
        "as it is.",
        source=DOWNLOAD,
    ),
    Question(
        TRAKT_ID,
        "Client id of your Trakt application?",
        "Make an API application in Trakt's settings, with the redirect address "
        "urn:ietf:wg:oauth:2.0:oob. That needs a paying membership. No address of the "
        "page is documented.",
        source=ACCOUNT,
    ),
    Question(
        TRAKT_SECRET,
        "Client secret of the same application?",
        "It stands beside the client id. It is tried when you sign in.",
        source=ACCOUNT,
    ),
    Question(
        DISCOVR_ID,
        "Client id of your Discovr application?",
        "It comes from Discovr's dashboard, or from its support. Nobody documents the "
        "address of either; what is said of it stands at "
        "https://docs.discovr.media/guides/authentication/web-sign-in.",
    ),
    Question(
        TMDB_KEY,
        "API key of TMDB?",
        "It is free, and finds missing ids and air dates, which saves most of the "
        "writes. It is made at https://www.themoviedb.org/settings/api.",
        is_optional=True,
    ),
)
