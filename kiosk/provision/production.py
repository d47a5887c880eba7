"""Leaving training: the recorded last step, after which a tap is a real registration (design, promise 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from kiosk import books
from kiosk.auth import load_private_key
from kiosk.certificate import read_certificate
from kiosk.contract import PRODUCTION_API_URL, PRODUCTION_HOST, TOKEN_URL, ServiceSettings
from kiosk.criteria import judge, unmet
from kiosk.durable import write_whole
from kiosk.errors import Declined, NoDaemon, StoreBusy, UsageError
from kiosk.model import Environment
from kiosk.opening import borrowed_store
from kiosk.provision import words
from kiosk.provision.askers import Asker
from kiosk.provision.template import literal, replaced
from kiosk.settings import ClockSource, Config, Credential, Service
from kiosk.verdicts import Misconfigured, NotSent

#: Gets a token with these settings, or says why there is none.
Prove = Callable[[ServiceSettings], NotSent | Misconfigured | None]


def leave_training(asker: Asker, config: Config, *, confirmed: str | None, prove: Prove) -> None:
    """Put the production service's addresses into the configuration and begin its book; the roster stays.

    A run that was cut after the configuration was written goes on there: until the book is begun the box does not start.

    Args:
        asker: Says what changes, and asks for the site's name where ``confirmed`` is None.
        config: Loaded with its secrets.
        confirmed: The site's name, as the admin wrote it to say yes.
        prove: Gets a token with these settings, which name the production token server, or says why there is none.

    Raises:
        UsageError: Something stands in the way; all of it at once.
        Declined: The admin did not confirm, or a daemon holds the store.
    """
    path = config.path
    _check(config, prove)
    try:
        with borrowed_store(config) as (database, vault, at_ms):
            newest = database.read(books.newest)
            if newest is not None and newest.environment is Environment.PRODUCTION:
                asker.say("This box has left training already.")
                return
            badges = database.read(lambda c: c.execute("SELECT count(*) FROM badges WHERE revoked_ms IS NULL").fetchone()[0])
            changes = _changes(config)
            asker.say(words.LEAVING.format(api_url=PRODUCTION_API_URL, badges=badges))
            asker.say("".join(f"    [service] {key} = {value}\n" for key, value in changes.items()))
            _confirm(asker, config, confirmed)
            _rewrite(path, changes)
            database.write(
                partial(books.open_book, vault=vault, host=PRODUCTION_HOST, environment=Environment.PRODUCTION, at_ms=at_ms)
            )
    except (StoreBusy, NoDaemon):
        raise Declined("the daemon holds the store", repair="stop it, leave training, and start it again") from None
    asker.say(f"This box works for real now. Start the daemon: kiosk --config {path} run")


def _changes(config: Config) -> dict[str, str]:
    """The keys of ``[service]`` that do not name the production service yet, with the literals that do."""
    hosts = {"api_url": config.service.service_host, "token_url": urlsplit(config.service.token_url).hostname}
    wanted = {"api_url": PRODUCTION_API_URL, "token_url": TOKEN_URL}
    return {key: literal(wanted[key]) for key, host in hosts.items() if host != PRODUCTION_HOST}


def _check(config: Config, prove: Prove) -> None:
    """Everything that stands in the way, at once; the tokens last, since they need the network."""
    wrong = [
        f"reader {reader.name}: it is simulated or its cards are played over the network, and a real box has a real reader"
        for reader in config.readers
        if reader.pretends
    ]
    if config.clock.source is ClockSource.ASSUME:
        wrong.append('[clock] source: "assume" is for laboratories; let the system clock be set by NTP and leave it out')
    if not config.declarations and not config.site.local_only:
        wrong.append("[[declaration]]: there is none")
    named = {"[service]": (config.service, config.service.settings)} | {
        f"[[credential]] {number}": (each, each.settings(config.service)) for number, each in enumerate(config.credentials, 1)
    }
    for name, (signer, _) in named.items():
        wrong += _certificate(name, signer)
    for name, (_, settings) in named.items() if not wrong else ():
        failed = prove(replace(settings, api_url=PRODUCTION_API_URL, token_url=TOKEN_URL))
        if failed is not None:
            trust = "" if settings.ca_file is None else f"; [service] ca_file trusts {settings.ca_file} alone: is that meant?"
            wrong.append(f"{name}: the production token server gives no token: {failed.why}{trust}")
    if wrong:
        raise UsageError(
            "\n".join(f"{config.path}: {each}" for each in wrong), repair="put that right and run this again; nothing was changed"
        )


def _certificate(name: str, signer: Service | Credential) -> list[str]:
    if signer.certificate is None:
        return [f"{name} certificate: name the certificate that was uploaded to Chaman"]
    key = load_private_key(signer.private_key).private
    found = judge(read_certificate(signer.certificate), key=key, company=None, now=datetime.now(UTC))
    return [f"{name} certificate: {criterion.name}: {criterion.told}; {criterion.repair}" for criterion in unmet(found)]


def _confirm(asker: Asker, config: Config, confirmed: str | None) -> None:
    answer = confirmed
    if answer is None and asker.attended:
        answer = asker.type_in(f"Type the site's name to say yes ({config.site.name})")
    if (answer or "").strip() != config.site.name:
        raise Declined("the site's name was not typed, so nothing was changed", repair=f'--confirm "{config.site.name}"')


def _rewrite(path: Path, changes: Mapping[str, str]) -> None:
    text = path.read_text(encoding="utf-8-sig")
    try:
        for key, value in changes.items():
            text = replaced(text, "service", key, value)
    except LookupError:
        lines = ", ".join(f"{key} = {value}" for key, value in changes.items())
        raise UsageError(
            f"{path}: [service] is written in a way that is not understood here",
            repair=f"write there by hand, each as a line of its own: {lines}; then run this again",
        ) from None
    if changes:
        write_whole(path, text, mode=path.stat().st_mode & 0o777)
