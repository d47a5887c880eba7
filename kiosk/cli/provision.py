"""The verb ``provision`` with its later steps."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from kiosk.cli.common import ask, configured, decoded, read_stdin
from kiosk.config import load, locate
from kiosk.errors import UsageError

if TYPE_CHECKING:
    from kiosk.contract import ServiceSettings
    from kiosk.evidence import Entry
    from kiosk.provision.askers import Asker
    from kiosk.provision.conversation import Setup
    from kiosk.settings import Config, Credential, Service
    from kiosk.verdicts import Misconfigured, NotSent


#: The answers that may be given as options, by their keys; a test keeps them equal to ``questions.QUESTIONS``, which
#: is not imported here, since every verb would wait for it.
ANSWERS: Final = (
    "company", "certificate", "key", "client_id", "api_url", "token_url", "ca_file", "site", "employer", "declarations",
    "coordinates", "time_zone", "reader", "direction",
)  # fmt: skip
#: What may be agreed to beforehand.
YES: Final = ("assume_clock", "first_registration")
_F = TypeVar("_F", bound=Callable[..., Any])


def _answers(function: _F) -> _F:
    """Add an option for each answer: none is a secret or says anything about a person."""
    for key in reversed(YES):
        function = click.option(f"--{key.replace('_', '-')}", key, is_flag=True, help="Say yes to that beforehand.")(function)
    for key in reversed(ANSWERS):
        several = key == "declarations"
        name = "declaration" if several else key.replace("_", "-")
        function = click.option(f"--{name}", key, multiple=several, metavar="ANSWER", help=_HELP.get(key))(function)
    return function


_HELP: Final = {
    "company": "These are answers, as in the file; on a terminal only the others are asked for.",
    "declarations": "May be given several times.",
    "reader": 'Part of its name, "any", a path of nfcpy or below /dev/input, or "simulated".',
}


@click.group(invoke_without_command=True)
@click.option("--answers", "answers_file", type=click.Path(path_type=Path), help="A TOML file of answers: nothing is asked.")
@click.option("--badge", "badge_line", is_flag=True, help="Read a first badge as one JSON line on standard input, as `badge add`.")
@click.option("--user", help="Give what is made to this user; as root.")
@click.option("--leave-training", is_flag=True, help="The last step: register with the real service from now on.")
@click.option("--confirm", metavar="SITE", help="With --leave-training: the site's name, instead of typing it.")
@_answers
@click.pass_context
def provision(
    context: click.Context,
    /,
    *,
    answers_file: Path | None,
    badge_line: bool,
    user: str | None,
    leave_training: bool,
    confirm: str | None,
    **given: Any,
) -> int:
    """Set a box up: keys, certificate, configuration, first badge, first registration in training.

    Run again after a cut it goes on where it stopped; nothing is asked twice and nothing that is there is overwritten.
    """
    if context.invoked_subcommand is not None:
        return 0
    path = locate(context.obj, os.environ).absolute()
    if leave_training:
        _leave(path, confirm)
        return 0
    answers = {key: list(value) if isinstance(value, tuple) else value for key, value in given.items() if value}
    setup = _setup(path, answers_file, answers, user)
    return _set_up(context, setup, badge=_badge() if badge_line else None)


@provision.command("rotate")
@click.option("--employer", metavar="NUMBER", help="Whose [[credential]]; left out: the key of [service].")
@click.option("--key", "kind", help="Another kind of key: rsa-3072, rsa-4096, p-384, ...")
@click.option("--status", "only_tell", is_flag=True, help="Say how key and certificate stand, and change nothing.")
@click.pass_context
def rotate(context: click.Context, *, employer: str | None, kind: str | None, only_tell: bool) -> None:
    """Replace the client key: makes the next one, proves it, switches, and lets the old one go; one step a run."""
    from kiosk.provision.rotation import Rotation, standing
    from kiosk.provision.rotation import rotate as take_step
    from kiosk.provisioning import KeyKind

    if kind is not None and kind not in set(KeyKind):
        raise UsageError("--key: no such kind", repair=f"write one of: {', '.join(KeyKind)}")
    config = configured(context, secrets=True)
    signer, settings = _signer(config, employer)
    if only_tell:
        click.echo("\n".join(standing(signer, datetime.now(UTC))))
        return
    rotation = Rotation(signer=signer, settings=settings, prove=partial(_prove, config), note=partial(_note, context))
    take_step(_asker(), rotation, kind=None if kind is None else KeyKind(kind))


@provision.command("seal")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("/etc/credstore.encrypted"), show_default=True)
@click.option("--unit", default="ciao-kiosk.service", show_default=True, help="The unit that is given the credentials.")
@click.option("--yes", is_flag=True, help="Remove the clear ones without asking.")
@click.pass_context
def seal(context: click.Context, *, folder: Path, unit: str, yes: bool) -> None:
    """Turn the secrets into systemd credentials; asks before the clear ones are removed."""
    from kiosk.provision import sealing

    if not yes and not sys.stdin.isatty():
        raise UsageError("without a terminal nobody can say yes to what is removed", repair="add --yes; nothing was done")
    asker = _asker({sealing.REMOVE_CLEAR: yes})
    if not sealing.finish(asker, configured(context, secrets=False), folder=folder):
        sealing.seal(asker, configured(context, secrets=True), folder=folder, unit=unit, note=partial(_note, context))


def _setup(path: Path, answers_file: Path | None, given: Mapping[str, str | list[str] | bool], user: str | None) -> Setup:
    """A run of the conversation: with a person where there is a terminal and no file of answers."""
    from hardware.pcsc import listing
    from kiosk.provision import conversation, handover, notebook
    from kiosk.provision.askers import Terminal, Unattended

    attended = answers_file is None and sys.stdin.isatty()
    answers = notebook.checked(given, called=lambda key: f"--{key.replace('_', '-')}")
    if attended:
        book = notebook.Notebook.opened(path.with_name(f".{path.name}.answers"), answers)
        asker: Asker = Terminal(book)
    else:
        book = notebook.Notebook(None, (notebook.read_answers(answers_file) if answers_file else {}) | answers)
        if not path.exists() and (lacking := notebook.missing(book)):
            repair = "add them, by --answers FILE or as options; nothing was made"
            raise UsageError(f"without a terminal nothing can be asked, and these lack: {', '.join(lacking)}", repair=repair)
        asker = Unattended(book)
    if user is not None:
        handover.find_user(user)
    return conversation.Setup(config=path, asker=asker, notebook=book, environ=os.environ, user=user, readers=listing)


def _set_up(context: click.Context, setup: Setup, *, badge: str | None) -> int:
    from kiosk.criteria import MISSES
    from kiosk.model import Environment
    from kiosk.provision import conversation, handover, place, trial, words
    from kiosk.provision.rotation import standing

    asker = setup.asker
    if handover.is_handed_over(setup):
        handover.hand_over(setup)
        return 0
    config = conversation.prepare(setup)
    if config.service.environment is Environment.PRODUCTION:
        asker.say(words.REAL.format(host=config.service.service_host, config=config.path))
        asker.say("\n".join(standing(config.service, datetime.now(UTC))))
        return 0
    proven = conversation.prove_token(setup, config)
    if proven:
        config = place.confirm_place(setup, config)
    trial.begin(asker, config, partial(ask, context, writes=True), badge=badge, proven=proven)
    told = standing(config.service, datetime.now(UTC))
    asker.say("\n".join(told))
    handover.hand_over(setup)
    well = proven and not any(MISSES in line for line in told)
    if well:
        asker.say(words.NEXT.format(host=config.service.service_host, config=config.path))
    return 0 if well else 1


def _leave(path: Path, confirmed: str | None) -> None:
    from kiosk.provision.production import leave_training

    config = load(path, os.environ)
    leave_training(_asker(), config, confirmed=confirmed, prove=partial(_prove, config))


def _prove(config: Config, settings: ServiceSettings) -> NotSent | Misconfigured | None:
    from kiosk.provision.conversation import clock_of
    from kiosk.services import Services

    services = Services(settings, {}, clock_of(config))
    try:
        return services.token()
    finally:
        services.close()


def _note(context: click.Context, entry: Entry, about: str) -> None:
    ask(context, "provision note", {"entry": entry.value, "about": about}, writes=True)


def _signer(config: Config, employer: str | None) -> tuple[Service | Credential, ServiceSettings]:
    if employer is None:
        return config.service, config.service.settings
    for credential in config.credentials:
        if credential.employer is not None and credential.employer.value == employer.strip():
            return credential, credential.settings(config.service)
    raise UsageError("--employer: no [[credential]] has this number", repair="leave it out for the key of [service]")


def _asker(agreed: Mapping[str, bool] | None = None) -> Asker:
    from kiosk.provision.askers import Terminal, Unattended
    from kiosk.provision.notebook import Notebook

    notebook = Notebook(None, agreed or {})
    return Terminal(notebook) if sys.stdin.isatty() else Unattended(notebook)


def _badge() -> str:
    return decoded(read_stdin()).strip()


VERBS: Final = (provision,)
