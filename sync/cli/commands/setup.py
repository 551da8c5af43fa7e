"""What ``setup`` does: asks, shows what was found, and leads through the sign-ins."""

from __future__ import annotations

import asyncio
import os
import shlex
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import click

from connectors.discovr.auth import list_profiles, name_profiles
from connectors.errors import ConfigError, InputError, ServiceError
from sync.cli.commands.login import PICTURE, Terminal
from sync.cli.runner import Exit
from sync.cli.runner import run as run_command
from sync.cli.session import (
    agree,
    ask,
    can_ask,
    open_settings,
    warn_if_exposed,
    with_typed,
)
from sync.cli.view.lines import say, show_next
from sync.config import environment_values, load_settings
from sync.documents.base import ProfileDocument
from sync.documents.setup import KeepDocument, SetupDocument, TriedDocument
from sync.errors import StoppedError
from sync.runtime.words import count
from sync.setup.keeping import ways
from sync.setup.places import config_place
from sync.setup.questions import ACCOUNT, DOWNLOAD, FILES, SOURCE
from sync.setup.setup import Setup
from sync.wiring.clients import Clients

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from connectors.discovr.models import Profile
    from sync.cli.context import Context
    from sync.cli.runner import Output
    from sync.config import Settings
    from sync.runtime.stop import Stop
    from sync.setup.questions import Question

_WELCOME = (
    "This asks for what a run needs, says where each of it comes from, and tries each "
    "answer. Enter takes what stands in brackets. Keys are not shown as you type. "
    "Nothing is written to your profile."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Options:
    """What may be given in place of an answer; secrets come from the environment."""

    files: tuple[Path, ...]
    source: str | None
    trakt_client_id: str | None
    discovr_client_id: str | None
    non_interactive: bool
    no_login: bool
    yes: bool

    def answer(self, question: Question) -> str | None:
        """Return what was given for a question."""
        return {
            SOURCE: self.source or (DOWNLOAD if self.files else None),
            "trakt.client_id": self.trakt_client_id,
            "discovr.client_id": self.discovr_client_id,
        }.get(question.key)


def setup(
    context: Context,
    *,
    named: Sequence[Path],
    keep: str | None = None,
    **given: str | bool | None,
) -> int:
    """Set everything up; without a terminal all answers have to be given."""
    if keep:
        return run_command(context, partial(_show_way, context, keep))
    options = _Options(files=tuple(named), **given)  # type: ignore[arg-type]  # click checks
    if not options.non_interactive and not can_ask():
        raise click.UsageError(
            "There is no terminal to ask on: add --non-interactive, and give the "
            "answers by options and the environment."
        )
    if options.files and options.source == ACCOUNT:
        raise click.UsageError("A file and --source account contradict each other.")

    async def work(output: Output, stop: Stop) -> int:
        async with AsyncExitStack() as stack:
            place = config_place(context.config, is_sandbox=context.is_sandbox)
            is_new = not await asyncio.to_thread(place.exists)
            if not (is_new or options.yes):
                await _require_consent(place, options)
            settings = await _settings(context, stack, place, options, is_new=is_new)
            steps = _Steps(output, options, Setup(settings, place), stack, stop)
            document = await steps.take()
        output.emit(document, lambda console: _show(console, document))
        return Exit.DONE

    return run_command(context, work)


async def _show_way(context: Context, name: str, output: Output, _stop: Stop) -> int:
    """Print the lines for one way to keep in step, as they are to be written."""
    place = config_place(context.config, is_sandbox=context.is_sandbox)
    async with AsyncExitStack() as stack:
        settings = await open_settings(context, stack, None)
    found = ways(settings, place, is_sandbox=context.is_sandbox)
    way = next(way for way in found if way.name.lower() == name)
    if not context.as_json and not context.is_quiet:
        say(output.notes, way.where)
    document = KeepDocument.model_validate(asdict(way))
    output.emit(document, lambda _: click.echo(way.text, nl=False))
    if not context.as_json and not context.is_quiet:
        say(output.notes, way.then)
    return Exit.DONE


async def _require_consent(place: Path, options: _Options) -> None:
    """Never write over a config that is there without asking."""
    question = f"{place} is there already. Set in it what you answer here?"
    if options.non_interactive:
        raise ConfigError(
            f"There is a config already: {place}.",
            remedy="Add --yes to set in it what is given here; the rest of it stays. "
            "Another file is named so: trakt2discovr -c FILE setup",
        )
    if not await agree(question):
        raise StoppedError(
            f"{place} is as it was, and nothing else was done.",
            remedy="To write another file: trakt2discovr -c FILE setup",
        )


async def _settings(
    context: Context,
    stack: AsyncExitStack,
    place: Path,
    options: _Options,
    *,
    is_new: bool,
) -> Settings:
    """Return what is set so far; a config that is yet to come sets nothing."""
    if context.is_sandbox:
        return await open_settings(context, stack, options.files)
    settings = with_typed(load_settings(place, is_new=is_new), context)
    if not is_new:
        warn_if_exposed(settings, place)
    return settings


class _Steps:
    """The way through: the questions, the config, the sign-ins, the profile."""

    def __init__(
        self,
        output: Output,
        options: _Options,
        setup: Setup,
        stack: AsyncExitStack,
        stop: Stop,
    ) -> None:
        self._output = output
        self._options = options
        self._setup = setup
        self._stack = stack
        self._stop = stop
        self._tried: list[TriedDocument] = []
        self._notes: list[str] = []
        is_new = not setup.place.exists()
        is_real = not output.context.is_sandbox
        #: What the environment sets goes into a config that is new.
        self._environment: Mapping[str, Mapping[str, str]] = (
            environment_values(os.environ) if is_new and is_real else {}
        )

    async def take(self) -> SetupDocument:
        """Go the whole way."""
        if not self._options.non_interactive:
            self._say(_WELCOME)
        for question in self._setup.questions():
            await self._answer(question)
        self._setup.write(self._environment)
        self._say(f"Written: {self._setup.place}")
        # A sign-in that fails, or is put off, forgets nothing of it.
        await self._setup.remember()
        profile = None
        if not self._options.no_login:
            profile = await self._sign_in()
            self._setup.write({})
            await self._setup.remember()
        return self._document(profile)

    async def _answer(self, question: Question) -> None:
        given = self._options.answer(question)
        known = self._setup.known(question)
        if question.key == FILES and self._options.files:
            found = await self._setup.read_files(self._options.files)
            self._note(question, found)
        elif given or self._options.non_interactive:
            await self._take_given(question, given or known)
        else:
            await self._ask(question, known)

    async def _take_given(self, question: Question, answer: str | None) -> None:
        if answer:
            try:
                self._note(question, await self._setup.answer(question, answer))
            except (ConfigError, InputError):
                raise
            except ServiceError as error:
                # Who signs in later may be offline now.
                if not self._options.no_login:
                    raise
                self._keep_untried(question, answer, error)
        elif not question.is_optional:
            raise ConfigError(
                f"{question.setting} is not given.", remedy=_how_to_give(question)
            )

    async def _ask(self, question: Question, known: str | None) -> None:
        """Ask until there is an answer that can be used."""
        self._say("")
        for line in question.where.splitlines():
            self._say(line)
        while True:
            typed = await ask(_words(question, known), is_secret=question.is_key)
            if typed is None:
                raise StoppedError(
                    "Stopped before all was answered; nothing was written.",
                    remedy="Begin again: trakt2discovr setup",
                )
            answer = typed.strip() or known or ""
            if not answer and question.is_optional:
                return
            if not answer:
                continue
            try:
                found = await self._setup.answer(question, _expanded(question, answer))
            except (ConfigError, InputError) as error:
                self._say(f"{error}", typed=answer)
                known = None
            except ServiceError as error:
                # A service that is down is no reason to have typed it in vain.
                self._keep_untried(question, answer, error)
                return
            else:
                self._note(question, found)
                return

    def _keep_untried(
        self, question: Question, answer: str, error: ServiceError
    ) -> None:
        self._say(f"It cannot be tried now: {error.message}")
        self._setup.keep(question, answer)
        self._note(question, "kept untried", is_tried=False)

    async def _sign_in(self) -> ProfileDocument | None:
        """Sign in where nobody is, and choose a profile."""
        picture = Clients(self._setup.settings, self._stack).store.path
        screen = self._stack.enter_context(
            Terminal(self._output.notes, picture.with_name(PICTURE))
        )
        for service in self._setup.logins_needed():
            self._say("")
            self._say(f"Now sign in to {service.title()}.")
            clients = Clients(self._setup.settings, self._stack)
            self._go_on_with(f"login {service}")
            try:
                login = await self._setup.sign_in(clients, service, screen, self._stop)
            except ConfigError as error:
                if service == "trakt" or self._options.non_interactive:
                    raise
                screen.tell(error)
            else:
                name = f" as {login.account}" if login.account else ""
                self._say(f"Logged in to {service.title()}{name}.")
        self._go_on_with("login discovr")
        return await self._choose_profile(screen)

    def _go_on_with(self, command: str) -> None:
        """Name this as the way on from here, should it end: the config is written."""
        words = shlex.split(self._output.context.call(command))[1:]
        self._output.context = replace(self._output.context, words=tuple(words))

    async def _choose_profile(self, screen: Terminal) -> ProfileDocument | None:
        clients = Clients(self._setup.settings, self._stack)
        profiles = await list_profiles(clients.identity())
        chosen: Profile | None = None
        try:
            chosen = self._setup.find_profile(profiles, clients)
        except ConfigError as error:
            if self._options.non_interactive:
                raise
            screen.tell(error)
        if chosen is None and profiles and not self._options.non_interactive:
            chosen = await screen.choose(profiles)
        if chosen is None and profiles:
            raise ConfigError(
                f"None of the {count(len(profiles), 'profile')} is chosen.",
                remedy=f"Name one by --profile: {name_profiles(profiles)}.",
            )
        if chosen is None:
            self._notes.append(
                "The account has no profile yet: create one on Discovr, then run "
                "trakt2discovr setup again."
            )
            return None
        self._setup.choose(chosen)
        return ProfileDocument(id=chosen.id, name=chosen.name)

    def _document(self, profile: ProfileDocument | None) -> SetupDocument:
        setup, context = self._setup, self._output.context
        needed = () if self._options.no_login else setup.logins_needed()
        services = ("discovr", "trakt") if setup.source == ACCOUNT else ("discovr",)
        logged_in = () if self._options.no_login else services
        following = context.reading(setup.files, is_remembered=True)
        next_ = following.call("migrate")
        if self._options.no_login:
            next_ = context.call("login discovr")
        return SetupDocument.model_validate(
            {
                "config": str(setup.place),
                "source": setup.source,
                "files": tuple(map(str, setup.files)),
                "tried": tuple(self._tried),
                "logged_in": tuple(s for s in logged_in if s not in needed),
                "profile": profile,
                "notes": tuple(map(context.complete, self._notes)),
                "next": next_,
            }
        )

    def _note(self, question: Question, found: str, *, is_tried: bool = True) -> None:
        if question.key == SOURCE:
            return
        self._tried.append(
            TriedDocument(setting=question.setting, found=found, is_tried=is_tried)
        )
        self._say(f"{question.setting}: {found}.")

    def _say(self, line: str, *, typed: str = "") -> None:
        context = self._output.context
        if not context.is_quiet:
            say(self._output.notes, context.complete(line, (typed,)))


def _words(question: Question, known: str | None) -> str:
    if question.choices:
        return f"{question.text} [{'/'.join(question.choices)}]"
    default = "none" if question.is_optional else ""
    if known:
        default = "as it is" if question.is_key else known
    return f"{question.text} [{default}]" if default else question.text


def _expanded(question: Question, answer: str) -> str:
    """Let the first letters of a choice stand for it."""
    found = [c for c in question.choices if c.startswith(answer.lower())]
    return found[0] if len(found) == 1 else answer


def _how_to_give(question: Question) -> str:
    """Say how it is given where nobody is asked, and where it comes from."""
    options = {
        SOURCE: "--source download or --source account, or a file",
        FILES: "the file: trakt2discovr setup FILE",
        "trakt.client_id": "--trakt-client-id",
        "discovr.client_id": "--discovr-client-id",
    }
    variable = question.variable if "." in question.key else ""
    ways = " or ".join(filter(None, (options.get(question.key), variable)))
    return f"Give {ways}. {' '.join(question.where.splitlines())}"


def _show(console: Console, document: SetupDocument) -> None:
    say(console, f"The config is {document.config}")
    if document.files:
        say(console, f"Read from: {', '.join(document.files)}")
    if document.profile:
        say(console, f"Written to: {document.profile.name} ({document.profile.id})")
    for note in document.notes:
        say(console, note)
    show_next(console, document.next)
