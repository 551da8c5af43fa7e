"""Who may come in: links for one use, what a browser keeps instead, and more links.

A link is used up by the browser that opens it, which gets a cookie. Whoever started the
program can always have another one: from the terminal, or by the private file that says
where it runs. That file holds a secret; it is never sent, each side only shows that it
has it.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import secrets
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING

import aiohttp

from connectors.files import replace_file

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from sync.runtime.values import Address

#: Where another start of the program asks for a link.
ASK = "/link"
#: Links that nobody has used: of more, the oldest counts no longer.
_MOST_LINKS = 8
#: An answer takes milliseconds, unless what listens there is something else.
_TIMEOUT_S = 5.0
_PAGE = (
    '<!doctype html><meta charset="utf-8"><title>trakt2discovr</title>'
    '<meta http-equiv="refresh" content="0; url={url}"><a href="{url}">Go on</a>\n'
)


def _new_secret() -> str:
    return secrets.token_urlsafe(32)


@dataclass(slots=True)
class Links:
    """The secrets of one start of the program: they end with it.

    ``form`` stands in each form of ours, which no other page can read.
    """

    address: Address
    cookie: str = field(default_factory=_new_secret, repr=False)
    form: str = field(default_factory=_new_secret, repr=False)
    secret: str = field(default_factory=_new_secret, repr=False)
    _unused: list[str] = field(default_factory=list, repr=False)

    @property
    def cookie_name(self) -> str:
        """What the cookie is called: browsers tell no ports apart, so it says which."""
        return f"trakt2discovr-{self.address.port}"

    def make(self) -> str:
        """Return an address that lets one browser in, once."""
        return f"{self.address.url}/?token={self.make_token()}"

    def make_token(self) -> str:
        """Return what such an address holds."""
        self._unused = [*self._unused, _new_secret()][-_MOST_LINKS:]
        return self._unused[-1]

    def use(self, token: str) -> bool:
        """Use a link up; False for one that is none, or was used before."""
        found = [known for known in self._unused if is_same(known, token)]
        self._unused = [known for known in self._unused if known not in found]
        return bool(found)

    def answer(self, challenge: str, proof: str) -> dict[str, str] | None:
        """Give a new token to whoever has the secret; None to others."""
        if not is_same(_prove(self.secret, "ask", challenge), proof):
            return None
        token = self.make_token()
        return {
            "token": token,
            "proof": _prove(self.secret, "give", challenge, token),
        }


def is_same(secret: str, given: str) -> bool:
    """Compare in a time that tells nothing of where they differ."""
    return hmac.compare_digest(secret.encode(), given.encode(errors="replace"))


def _prove(secret: str, *words: str) -> str:
    # JSON keeps them apart: no two lists of words are the same text.
    text = json.dumps(words).encode()
    return hmac.digest(secret.encode(), text, "sha256").hex()


def notice_file(folder: Path, what: Iterable[object]) -> Path:
    """Return where it is written down that a page for that runs, and where."""
    name = hashlib.sha256(json.dumps([*map(str, what)]).encode()).hexdigest()[:16]
    return folder / f"{name}.json"


def write_notice(file: Path, links: Links) -> None:
    """Write down where it runs, for this user alone. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    note = {"url": links.address.url, "secret": links.secret, "process": os.getpid()}
    replace_file(file, json.dumps(note))


def remove_notice(file: Path, links: Links) -> None:
    """Remove it, unless somebody else has written there meanwhile."""
    if _read(file) == (links.address.url, links.secret):
        file.unlink(missing_ok=True)


async def ask_for_link(file: Path) -> str | None:
    """Return a fresh link to the page that runs; None where none does.

    What is left of one that was killed, or what else listens there now, is none.
    """
    found = _read(file)
    if found is None:
        return None
    url, secret = found
    challenge = _new_secret()
    form = {"challenge": challenge, "proof": _prove(secret, "ask", challenge)}
    try:
        async with (
            aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(_TIMEOUT_S), auto_decompress=False
            ) as session,
            session.post(f"{url}{ASK}", data=form, allow_redirects=False) as answer,
        ):
            said = json.loads(await answer.content.readline())
            token, proof = str(said["token"]), str(said["proof"])
    except (aiohttp.ClientError, OSError, ValueError, LookupError, TypeError):
        return None
    is_ours = is_same(_prove(secret, "give", challenge, token), proof)
    return f"{url}/?token={token}" if is_ours else None


def _read(file: Path) -> tuple[str, str] | None:
    try:
        note = json.loads(file.read_text(encoding="utf-8"))
        return str(note["url"]), str(note["secret"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return None


def write_door(file: Path, link: str) -> None:
    """Write a page that leads to the link, for this user alone. Raises OSError.

    The browser is given its path: others on this machine see what a program is
    started with.
    """
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(file, _PAGE.format(url=escape(link)))
