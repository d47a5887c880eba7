"""The verb ``provision`` with its later steps."""

from __future__ import annotations

import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from kiosk.cli.common import ask, configured, decoded, read_stdin
from kiosk.config import locate
from kiosk.errors import UsageError

if TYPE_CHECKING:
    from kiosk.contract import ServiceSettings
    from kiosk.evidence import Entry
    from kiosk.provision.askers import Asker
    from kiosk.settings import Config, Credential, Service
    from kiosk.verdicts import Misconfigured, NotSent


@click.group(invoke_without_command=True)
@click.option("--answers", "answers_file", type=click.Path(path_type=Path), help="A TOML file of answers: nothing is asked.")
@click.option("--badge", "badge_line", is_flag=True, help="Read a first badge as one JSON line on standard input, as `badge add`.")
@click.option("--user", help="Give what is made to this user; as root.")
@click.option("--leave-training", is_flag=True, help="The last step: register with the real service from now on.")
@click.option("--confirm", metavar="SITE", help="With --leave-training: the site's name, instead of typing it.")
@click.pass_context
def provision(
    context: click.Context,
    *,
    answers_file: Path | None,
    badge_line: bool,
    user: str | None,
    leave_training: bool,
    confirm: str | None,
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
    return _set_up(path, answers_file, badge=_badge() if badge_line else None, user=user)


@provision.command("rotate")
@click.option("--employer", metavar="NUMBER", help="Whose [[credential]]; left out: the key of [service].")
@click.option("--key", "kind", help="Another kind of key: rsa-3072, rsa-4096, p-384, ...")
@click.pass_context
def rotate(context: click.Context, *, employer: str | None, kind: str | None) -> None:
    """Replace the client key: makes the next one, proves it, switches, and lets the old one go; one step a run."""
    from kiosk.provision.rotation import Rotation
    from kiosk.provision.rotation import rotate as take_step
    from kiosk.provisioning import KeyKind

    if kind is not None and kind not in set(KeyKind):
        raise UsageError("--key: no such kind", repair=f"write one of: {', '.join(KeyKind)}")
    config = configured(context, secrets=True)
    signer, settings = _signer(config, employer)
    rotation = Rotation(signer=signer, settings=settings, prove=partial(_prove, config), note=partial(_note, context))
    take_step(_asker(), rotation, kind=None if kind is None else KeyKind(kind))


@provision.command("seal")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("/etc/credstore.encrypted"), show_default=True)
@click.option("--unit", default="ciao-kiosk.service", show_default=True, help="The unit that is given the credentials.")
@click.pass_context
def seal(context: click.Context, *, folder: Path, unit: str) -> None:
    """Turn the secrets into systemd credentials; asks before the clear ones are removed."""
    from kiosk.provision import sealing

    sealing.seal(_asker(), configured(context, secrets=True), folder=folder, unit=unit, note=partial(_note, context))


def _set_up(path: Path, answers_file: Path | None, *, badge: str | None, user: str | None) -> int:
    from hardware.pcsc import listing
    from kiosk.provision import conversation, questions, trial, words
    from kiosk.provision.askers import Terminal, Unattended

    if answers_file is None and not sys.stdin.isatty():
        raise UsageError("provision asks questions, and there is no terminal", repair="give the answers by --answers FILE")
    if answers_file is None:
        notebook = questions.Notebook.opened(path.with_name(f".{path.name}.answers"))
        asker: Asker = Terminal(notebook)
    else:
        notebook = questions.Notebook(None, questions.read_answers(answers_file))
        if not path.exists() and (lacking := questions.missing(notebook)):
            raise UsageError(f"{answers_file}: lacks {', '.join(lacking)}", repair="add them; nothing was made")
        asker = Unattended(notebook)
    if user is not None:
        conversation.find_user(user)
    setup = conversation.Setup(config=path, asker=asker, notebook=notebook, environ=os.environ, user=user, readers=listing)
    config = conversation.prepare(setup)
    proven = conversation.prove_token(setup, config)
    if proven:
        conversation.confirm_place(setup, config)
    trial.begin(asker, config, badge=badge, proven=proven)
    conversation.hand_over(setup)
    asker.say(words.NEXT.format(host=config.service.service_host, config=path))
    return 0 if proven else 1


def _leave(path: Path, confirmed: str | None) -> None:
    from kiosk.provision.production import leave_training

    asker = _asker()
    leave_training(asker, path, os.environ, confirmed=confirmed, prove=lambda config: _prove(config, config.service.settings))


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


def _asker() -> Asker:
    from kiosk.provision.askers import Terminal, Unattended
    from kiosk.provision.questions import Notebook

    notebook = Notebook(None, {})
    return Terminal(notebook) if sys.stdin.isatty() else Unattended(notebook)


def _badge() -> str:
    return decoded(read_stdin()).strip()


VERBS: Final = (provision,)
