"""The steps from an empty folder to a configuration that works, each left out where its result is there already."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from hardware.nfc_paths import understood
from hardware.ports import ReaderLost
from kiosk.auth import load_private_key
from kiosk.certificate import parse_certificate
from kiosk.config import load
from kiosk.criteria import MISSES, judge, unmet
from kiosk.durable import sweep, write_whole
from kiosk.errors import Declined, UsageError
from kiosk.identifiers import EnterpriseNumber
from kiosk.model import ClockReading
from kiosk.provision import questions, words
from kiosk.provision.askers import Asker
from kiosk.provision.notebook import Notebook
from kiosk.provision.template import Table, filled, literal
from kiosk.provisioning import (
    Bought,
    KeyKind,
    adopt,
    make_client_key,
    make_evidence_key,
    make_store_key,
    read_bundle,
    read_pem,
)
from kiosk.services import Services
from kiosk.settings import Config, Driver
from kiosk.timekeeper import Timekeeper

_KNOWN_HOSTS: Final = ".socialsecurity.be"
STORE_KEY, EVIDENCE_KEY = "store.key", "evidence.key"
CLIENT_KEY, CERTIFICATE = "client.key.pem", "client.cert.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a run of the conversation works with.

    Attributes:
        config: The configuration to write; everything else is made beside it.
        asker: Who answers.
        notebook: The answers so far.
        environ: The environment, for ``$STATE_DIRECTORY`` and the like.
        user: The user that will run the daemon, to whom root gives what is made; None leaves it the caller's.
        readers: Names the PC/SC readers plugged in.
    """

    config: Path
    asker: Asker
    notebook: Notebook
    environ: Mapping[str, str]
    user: str | None
    readers: Callable[[], tuple[str, ...]]

    @property
    def folder(self) -> Path:
        """Where everything lies."""
        return self.config.parent


def prepare(setup: Setup) -> Config:
    """Go from whatever is there to a configuration that can be loaded.

    Raises:
        KioskError: Something that is there can't be used; says which file and what to do.
    """
    sweep(setup.folder)
    if not setup.config.exists():
        setup.asker.say(words.READY)
        if setup.notebook.kept:
            setup.asker.say(words.RESUMED.format(notebook=setup.notebook.path))
        _make_folder(setup.folder)
        _make_keys(setup)
        client_id = _go_to_chaman(setup)
        write_whole(setup.config, _configuration(setup, client_id), mode=0o640)
        setup.asker.say(f"written: {setup.config}")
    return load(setup.config, setup.environ)


def prove_token(setup: Setup, config: Config) -> bool:
    """Get a token: proves client key, client id and the uploaded certificate at once."""
    services = services_of(config)
    try:
        failed = services.token()
    finally:
        services.close()
    if failed is None:
        setup.asker.say("The token server knows this box: key, certificate and client id fit together.")
        return True
    setup.asker.say(f"No token yet: {failed.why}\n  run `kiosk provision` again when that is put right; nothing is asked twice")
    return False


def services_of(config: Config) -> Services:
    """The service, by the clock as this configuration judges it."""
    return Services(config.service.settings, config.own_settings, clock_of(config))


def clock_of(config: Config) -> Callable[[], ClockReading]:
    """All clocks, as this configuration judges them."""
    return Timekeeper(source=config.clock.source.value, max_error_seconds=config.clock.max_error_seconds).read


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{folder}: {error.strerror}", repair="name another file with --config, or use sudo") from None


def _make_keys(setup: Setup) -> None:
    asker, folder = setup.asker, setup.folder
    company = asker.ask(questions.COMPANY)
    for name, make in ((STORE_KEY, make_store_key), (EVIDENCE_KEY, make_evidence_key)):
        if not (folder / name).exists():
            make(folder / name)
            asker.say(f"made: {folder / name}")
    key, certificate = folder / CLIENT_KEY, folder / CERTIFICATE
    if not (key.exists() and certificate.exists()):
        _make_pair(setup, key, certificate, company)
    pair = Bought(key=load_private_key(key).private, certificate=certificate.read_bytes())
    if told := _missed(asker, certificate, pair, company):
        raise UsageError(told, repair=f"move {key} and {certificate} away and run `kiosk provision` again")


def _make_pair(setup: Setup, key: Path, certificate: Path, company: str) -> None:
    asker = setup.asker
    bought = asker.ask(questions.CERTIFICATE)
    if bought == questions.MAKE:
        kind = KeyKind(asker.ask(questions.KEY))
        if kind.startswith("p-"):
            asker.say(words.EC_ADVICE)
        make_client_key(key, certificate, company=company, now=datetime.now(UTC), kind=kind)
    else:
        pair = _read_pair(setup, Path(bought))
        # Judged before anything is written: a pair that Chaman would refuse leaves nothing here.
        told = _missed(asker, Path(bought), pair, company)
        if told or pair.usable is None:
            setup.notebook.forget(questions.COMPANY.key, questions.CERTIFICATE.key)
            raise UsageError(told, repair="nothing was taken over; run `kiosk provision` again with another pair, or make one here")
        adopt(pair.usable, pair.certificate, key_file=key, certificate_file=certificate)
    asker.say(f"made: {key} and {certificate}")


def _read_pair(setup: Setup, path: Path) -> Bought:
    try:
        content = path.read_bytes()
        if path.suffix.lower() == ".pem":
            return read_pem(content)
        return read_bundle(content, setup.asker.secret("Passphrase of that file").encode() or None)
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}", repair="make it readable, or copy it here") from None
    except UsageError:
        setup.notebook.forget(questions.CERTIFICATE.key)
        raise


def _missed(asker: Asker, path: Path, pair: Bought, company: str) -> str:
    """Say how a pair stands with each criterion; returns a line for each that it misses."""
    found = judge(parse_certificate(pair.certificate), key=pair.usable, company=company, now=datetime.now(UTC))
    for criterion in found:
        asker.say(f"  {'meets' if criterion.met else MISSES} {criterion.name}: {criterion.told}")
    return "\n".join(f"{path}: {criterion.name}: {criterion.told}; {criterion.repair}" for criterion in unmet(found))


def _go_to_chaman(setup: Setup) -> str:
    if setup.notebook.text(questions.CLIENT_ID.key) is None:
        setup.asker.say(words.CHAMAN.format(certificate=setup.folder / CERTIFICATE))
        if not setup.asker.attended:
            raise Declined(
                "the file of answers has no client_id yet; keys and certificate are made and stay",
                repair='do the above in Chaman, add client_id = "..." to the answers, and run this again',
            )
    client_id = setup.asker.ask(questions.CLIENT_ID)
    setup.asker.say(words.CHAMAN_DONE)
    return client_id


def _configuration(setup: Setup, client_id: str) -> str:
    asker = setup.asker
    service = _service(setup, client_id)
    site = {"name": literal(asker.ask(questions.SITE))}
    declarations = [questions.read_declaration(answer) for answer in asker.ask_several(questions.DECLARATIONS)]
    sections: dict[str, list[Table]] = {"site": [site], "service": [service]}
    if declarations:
        employer = questions.read_employer(asker.ask(questions.EMPLOYER))
        name = "enterprise_number" if isinstance(employer, EnterpriseNumber) else "foreign_vat_number"
        sections["employer"] = [{name: literal(employer.value)}]
        sections["declaration"] = [
            {"number": literal(number.value)} | ({} if link is None else {"url": literal(link)}) for number, link in declarations
        ]
    else:
        asker.say("Without a declaration nothing is owed here: taps are kept, nothing is sent.")
        site["local_only"] = "true"
    place = questions.read_place(asker.ask(questions.PLACE))
    site |= {"latitude": repr(place.latitude), "longitude": repr(place.longitude)}
    site["time_zone"] = literal(asker.ask(questions.TIME_ZONE))
    sections["reader"] = [_reader(setup)]
    sections["evidence"] = [{"key_file": literal(EVIDENCE_KEY)}]
    sections["store"] = [{"path": literal("kiosk.db"), "key_file": literal(STORE_KEY)}]
    # A yes is never kept, so it is asked last: a cut before it asks for nothing twice.
    if not _clock_is_set() and setup.asker.agree(words.ASSUME, key=questions.ASSUME_CLOCK):
        sections["clock"] = [{"source": literal("assume")}]
    return filled(sections)


def _clock_is_set() -> bool:
    return Timekeeper(source="kernel", max_error_seconds=60).read().trusted


def _service(setup: Setup, client_id: str) -> Table:
    asker = setup.asker
    api_url = asker.ask(questions.API_URL)
    table = {"api_url": literal(api_url), "client_id": literal(client_id)}
    table |= {"private_key": literal(CLIENT_KEY), "certificate": literal(CERTIFICATE)}
    if not (urlsplit(api_url).hostname or "").endswith(_KNOWN_HOSTS):
        table["token_url"] = literal(asker.ask(questions.TOKEN_ADDRESS))
        if ca_file := asker.ask(questions.CA_FILE):
            table["ca_file"] = literal(ca_file)
    return table


def _reader(setup: Setup) -> Table:
    asker = setup.asker
    try:
        plugged = setup.readers()
    except ReaderLost as lost:
        asker.say(f"Readers could not be looked for: {lost}")
        plugged = ()
    for name in plugged:
        asker.say(f"plugged in: {name}")
    if not plugged:
        asker.say("No PC/SC reader is plugged in; plug it in later, or train with a simulated one.")
    named = asker.ask(questions.READER, hint=None if plugged else questions.SIMULATED)
    table = {"name": literal("gate"), "direction": literal(asker.ask(questions.DIRECTION))}
    if named.lower() == questions.SIMULATED:
        return table | {"driver": literal(Driver.SIMULATED)}
    if named.lower() == "any":
        return table | {"driver": literal(Driver.PCSC)}
    return table | {"driver": literal(_driver_of(named)), "match": literal(named)}


def _driver_of(named: str) -> Driver:
    """What a reader is opened by, as its name is written; all but these two kinds of path is a part of a PC/SC reader's name."""
    if understood(named):
        return Driver.CONTACTLESS
    return Driver.KEYBOARD if named.startswith("/dev/input/") else Driver.PCSC
