"""Leaving training: the recorded last step, after which a tap is a real registration (design, promise 1)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from kiosk import books
from kiosk.auth import load_private_key
from kiosk.certificate import read_certificate
from kiosk.config import load
from kiosk.contract import PRODUCTION_API_URL
from kiosk.criteria import judge, unmet
from kiosk.errors import Declined, NoDaemon, StoreBusy, UsageError
from kiosk.model import Environment
from kiosk.opening import borrowed_store
from kiosk.provision import words
from kiosk.provision.askers import Asker
from kiosk.provision.durable import write_whole
from kiosk.provision.questions import literal
from kiosk.provision.template import replaced
from kiosk.settings import ClockSource, Config, Driver
from kiosk.verdicts import Misconfigured, NotSent


def leave_training(
    asker: Asker,
    path: Path,
    environ: Mapping[str, str],
    *,
    confirmed: str | None,
    prove: Callable[[Config], NotSent | Misconfigured | None],
) -> None:
    """Put the production service's address into the configuration and begin its book; the roster stays.

    A run that was cut after the configuration was written goes on there: until the book is begun the box does not start.

    Args:
        asker: Says what changes, and asks for the site's name where ``confirmed`` is None.
        path: The configuration.
        environ: The environment.
        confirmed: The site's name, as the admin wrote it to say yes.
        prove: Gets a token from the production token server, or says why there is none.

    Raises:
        UsageError: Something stands in the way; all of it at once.
        Declined: The admin did not confirm, or a daemon holds the store.
    """
    config = load(path, environ)
    begun = config.service.environment is Environment.PRODUCTION
    _check(config, prove)
    try:
        with borrowed_store(config) as (database, vault, at_ms):
            newest = database.read(books.newest)
            if newest is not None and newest.environment is Environment.PRODUCTION:
                asker.say("This box has left training already.")
                return
            badges = database.read(lambda c: c.execute("SELECT count(*) FROM badges WHERE revoked_ms IS NULL").fetchone()[0])
            asker.say(words.LEAVING.format(api_url=PRODUCTION_API_URL, badges=badges))
            _confirm(asker, config, confirmed)
            if not begun:
                _rewrite(path)
            host = urlsplit(PRODUCTION_API_URL).hostname or ""
            database.write(partial(books.open_book, vault=vault, host=host, environment=Environment.PRODUCTION, at_ms=at_ms))
    except (StoreBusy, NoDaemon):
        raise Declined("the daemon holds the store", repair="stop it, leave training, and start it again") from None
    asker.say(f"This box works for real now. Start the daemon: kiosk --config {path} run")


def _check(config: Config, prove: Callable[[Config], NotSent | Misconfigured | None]) -> None:
    """Everything that stands in the way, at once; the token last, since it needs the network."""
    wrong = [
        f"reader {reader.name}: it is simulated, and a real box has a real reader"
        for reader in config.readers
        if reader.driver is Driver.SIMULATED
    ]
    if config.clock.source is ClockSource.ASSUME:
        wrong.append('[clock] source: "assume" is for laboratories; let the system clock be set by NTP and leave it out')
    if not config.declarations and not config.site.local_only:
        wrong.append("[[declaration]]: there is none")
    wrong += _certificate(config)
    if not wrong and (failed := prove(config)) is not None:
        wrong.append(f"the token server gives no token: {failed.why}")
    if wrong:
        raise UsageError(
            "\n".join(f"{config.path}: {each}" for each in wrong), repair="put that right and run this again; nothing was changed"
        )


def _certificate(config: Config) -> list[str]:
    if config.service.certificate is None:
        return ["[service] certificate: name the certificate that was uploaded to Chaman"]
    key = load_private_key(config.service.private_key).private
    found = judge(read_certificate(config.service.certificate), key=key, company=None, now=datetime.now(UTC))
    return [f"[service] certificate: {criterion.name}: {criterion.told}; {criterion.repair}" for criterion in unmet(found)]


def _confirm(asker: Asker, config: Config, confirmed: str | None) -> None:
    answer = confirmed
    if answer is None and asker.attended:
        answer = asker.type_in(f"Type the site's name to say yes ({config.site.name})")
    if (answer or "").strip() != config.site.name:
        raise Declined("the site's name was not typed, so nothing was changed", repair=f'--confirm "{config.site.name}"')


def _rewrite(path: Path) -> None:
    text = path.read_text(encoding="utf-8-sig")
    try:
        text = replaced(text, "service", "api_url", literal(PRODUCTION_API_URL))
    except LookupError:
        raise UsageError(
            f"{path}: [service] api_url is written in a way that is not understood here",
            repair=f"write it by hand as a line of its own: api_url = {literal(PRODUCTION_API_URL)}, then run this again",
        ) from None
    write_whole(path, text, mode=path.stat().st_mode & 0o777)
